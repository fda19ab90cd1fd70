"""When feeds are looked at: the settings and each feed's own wish -> what is due, and when next."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tzlocal import get_localzone_name

from pipeline.model.syndication.schedule import NEVER, last_due, next_due
from pipeline.narration.core.context import Context
from pipeline.store.records.feed_rows import StoredFeed


@dataclass(frozen=True, slots=True)
class FeedSchedule:
    """When some feeds are looked at."""

    cron: str
    zone: str
    feed: str = ""
    """Address; empty for all that have no schedule of their own."""

    def next_due(self, moment: datetime) -> datetime:
        """The first time after `moment` (with zone) at which it is due, in UTC."""
        return next_due(self.cron, self.zone, moment)

    def feeds(self, context: Context) -> list[StoredFeed]:
        """Those that are looked at."""
        return [
            feed
            for feed in context.store.feeds.all()
            if (feed.url == self.feed if self.feed else not feed.options.cron)
        ]

    def is_missed(self, context: Context, moment: datetime) -> bool:
        """It was due while nobody was there to look."""
        due = last_due(self.cron, self.zone, moment).replace(tzinfo=None)
        return any((feed.checked_at or feed.added_at) < due for feed in self.feeds(context) if not feed.ended)


def wanted_schedules(context: Context) -> list[FeedSchedule]:
    """The schedules that settings and feeds ask for."""
    settings = context.settings.feeds
    zone = settings.time_zone or get_localzone_name() or "UTC"
    feeds = [feed for feed in context.store.feeds.all() if feed.options.cron not in {"", NEVER}]
    found = [FeedSchedule(feed.options.cron, zone, feed.url) for feed in feeds]
    if settings.schedule != NEVER:
        found.append(FeedSchedule(settings.schedule, zone))
    return found


class Timetable:
    """Tells once of each time that a schedule is due, and first of what was missed; used by one thread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._next: dict[FeedSchedule, datetime] | None = None

    def due(self, moment: datetime | None = None) -> list[str]:
        """Addresses of the feeds that are to be looked at now; `moment` has a zone."""
        moment = moment or datetime.now(UTC)
        before, wanted = self._next, wanted_schedules(self._context)
        times = {schedule: self._time(schedule, before, moment) for schedule in wanted}
        due = [schedule for schedule, at in times.items() if at <= moment]
        self._next = {**times, **{schedule: schedule.next_due(moment) for schedule in due}}
        return list(dict.fromkeys(feed.url for schedule in due for feed in schedule.feeds(self._context)))

    def _time(self, schedule: FeedSchedule, before: dict[FeedSchedule, datetime] | None, moment: datetime) -> datetime:
        if before is None and schedule.is_missed(self._context, moment):
            return moment
        return (before or {}).get(schedule) or schedule.next_due(moment)
