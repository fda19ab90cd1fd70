"""Runs a flow in this process, so that the page can retry it: as a run of its deployment where one is served."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import CancelledRun, ObjectNotFound
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending, Scheduled

from flows.heartbeat import ensure_heartbeat_automation
from flows.run_book import using
from pipeline.errors import Interrupted
from pipeline.stages.context import Context


def run_here(
    context: Context,
    flow: Flow[..., Any],
    parameters: dict[str, Any],
    *,
    api_url: str,
    announce: Callable[[str], None],
) -> Any:
    """Run `flow` with these parameters in this process.

    Args:
        context: the open data directory.
        flow: one of this package.
        parameters: of the flow, JSON values.
        api_url: of the server; Prefect may have been imported before it was known for sure.
        announce: is given the id of the flow run.

    Raises:
        NarrationError: whatever the flow raises.
    """
    with temporary_settings({PREFECT_API_URL: api_url}), using(context):
        ensure_heartbeat_automation()
        with get_client(sync_client=True) as client:
            run = _create_run(client, flow, parameters)
        announce(str(run.id))
        try:
            result: Any = run_flow(flow, flow_run=run, parameters=parameters, return_type="result")
        except CancelledRun as error:
            raise Interrupted("The run was cancelled", remedy="start it again: everything done is kept") from error
    return result


def _create_run(client: SyncPrefectClient, flow: Flow[..., Any], parameters: dict[str, Any]) -> Any:
    """A flow run that no runner picks up now, but that a retry from the page can hand to one."""
    try:
        deployment = client.read_deployment_by_name(f"{flow.name}/{flow.name}")
    except ObjectNotFound:
        return client.create_flow_run(flow, parameters=parameters, state=Pending())
    later: State[Any] = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(days=1))
    run = client.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=later)
    client.set_flow_run_state(run.id, Pending(), force=True)
    return client.read_flow_run(run.id)
