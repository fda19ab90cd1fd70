"""A run whose machine died is shown as crashed: Prefect's heartbeats and the automation that misses them."""

from datetime import timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

NAME = "bookcast: no heartbeat"
WITHIN_S = 90
"""Three beats of 30 s."""

_ENDS = ("Completed", "Failed", "Cancelled", "Crashed", "Paused", "Suspended")


def ensure_heartbeat_automation() -> None:
    """Create the automation on the server unless it is there."""
    with get_client(sync_client=True) as client:
        if not client.read_automations_by_name(NAME):
            client.create_automation(_automation())


def _automation() -> AutomationCore:
    return AutomationCore(
        name=NAME,
        description="Marks runs as crashed that were not heard of for a while, so that they can be retried.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{end}" for end in _ENDS)},
            match={"prefect.resource.id": ["prefect.flow-run.*"]},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=WITHIN_S),
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                force=False,
                state=StateType.CRASHED,
                message="Nothing was heard of this run; retry it: all finished work is kept.",
            )
        ],
    )
