"""When feeds are looked at: the settings and each feed's own wish -> schedules of the deployment `convert-feeds`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import CronSchedule
from tzlocal import get_localzone_name

from pipeline.model.schedule import NEVER, last_due
from pipeline.stages.context import Context
from pipeline.store.feeds import StoredFeed

DEPLOYMENT = "convert-feeds"
LATE = timedelta(seconds=30)
AHEAD = 2
"""Runs of a schedule that stand in Prefect's list before they are due; many feeds must not fill it."""


@dataclass(frozen=True, slots=True)
class FeedSchedule:
    """One schedule of the deployment."""

    slug: str
    cron: str
    zone: str
    feeds: tuple[str, ...]
    """Addresses; empty for all that have no schedule of their own."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the flow."""
        return {"feeds": list(self.feeds), "asked": False}


def wanted_schedules(context: Context) -> list[FeedSchedule]:
    """The schedules that settings and feeds ask for."""
    settings = context.settings.feeds
    zone = settings.time_zone or get_localzone_name() or "UTC"
    feeds = [feed for feed in context.store.feeds.all() if feed.options.cron not in {"", NEVER}]
    found = [FeedSchedule(f"feed-{feed.name}", feed.options.cron, zone, (feed.url,)) for feed in feeds]
    if settings.schedule != NEVER:
        found.append(FeedSchedule("all", settings.schedule, zone, ()))
    return sorted(found, key=lambda schedule: schedule.slug)


class FeedSchedules:
    """Keeps the deployment's schedules as they are wanted, and makes up for what was missed; used by one thread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._written: list[FeedSchedule] | None = None

    def keep(self, ask: Callable[[Callable[[SyncPrefectClient], Any]], Any]) -> None:
        """Write the schedules where they have changed; `ask` puts questions to Prefect's server."""
        wanted = wanted_schedules(self._context)
        if wanted == self._written:
            return
        if self._written is None:
            ask(_drop_late)
            missed = [schedule for schedule in wanted if self._is_missed(schedule)]
            ask(lambda client: _start(client, missed))
        ask(lambda client: _write(client, wanted))
        self._written = wanted

    def _is_missed(self, schedule: FeedSchedule) -> bool:
        """It was due while nobody was there to look."""
        due = last_due(schedule.cron, schedule.zone, datetime.now(UTC)).replace(tzinfo=None)
        feeds = [feed for feed in self._context.store.feeds.all() if _belongs(feed, schedule) and not feed.ended]
        return any((feed.checked_at or feed.added_at) < due for feed in feeds)


def _belongs(feed: StoredFeed, schedule: FeedSchedule) -> bool:
    return feed.url in schedule.feeds if schedule.feeds else not feed.options.cron


def _write(client: SyncPrefectClient, wanted: list[FeedSchedule]) -> None:
    deployment = client.read_deployment_by_name(f"{DEPLOYMENT}/{DEPLOYMENT}")
    for present in client.read_deployment_schedules(deployment.id):
        client.delete_deployment_schedule(deployment.id, present.id)
    made = [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron=s.cron, timezone=s.zone),
            active=True,
            parameters=s.parameters,
            slug=s.slug,
            max_scheduled_runs=AHEAD,
        )
        for s in wanted
    ]
    if made:
        client.create_deployment_schedules(deployment.id, made)


def _drop_late(client: SyncPrefectClient) -> None:
    """Runs that were due while nobody was there: one look at the feeds does for all of them."""
    deployment = client.read_deployment_by_name(f"{DEPLOYMENT}/{DEPLOYMENT}")
    waiting = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
    own = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    late = datetime.now(UTC) - LATE
    for run in client.read_flow_runs(flow_run_filter=waiting, deployment_filter=own, limit=200):
        if run.auto_scheduled and run.expected_start_time and run.expected_start_time < late:
            client.delete_flow_run(run.id)


def _start(client: SyncPrefectClient, missed: list[FeedSchedule]) -> None:
    deployment = client.read_deployment_by_name(f"{DEPLOYMENT}/{DEPLOYMENT}")
    for schedule in missed:
        client.create_flow_run_from_deployment(deployment.id, parameters=schedule.parameters)
