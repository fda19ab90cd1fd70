"""When something is due: cron expressions of five fields, in a time zone (crontab(5), as Debian's cron reads them)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

NEVER = "never"


def check_cron(text: str) -> str:
    """The expression without needless space. Raises: ValueError where it is none.

    >>> check_cron(" 30  5 * * 1-5 ")
    '30 5 * * 1-5'
    """
    plain = " ".join(text.split())
    try:
        if len(plain.split()) == 5:
            CronSim(plain, datetime(2026, 1, 1, tzinfo=UTC))
            return plain
    except CronSimError:
        pass
    raise ValueError(f'"{text}" is no schedule: write five fields such as "0 5 * * *" (minute hour day month weekday)')


def check_zone(name: str) -> str:
    """The name of a time zone. Raises: ValueError where there is none of that name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f'there is no time zone "{name}"; write one such as "Europe/Oslo"') from error
    return name


def last_due(cron: str, zone: str, moment: datetime) -> datetime:
    """The last time at or before `moment` (with zone) at which the expression was due, in UTC."""
    after = (moment + timedelta(minutes=1)).replace(second=0, microsecond=0)
    due: datetime = next(CronSim(cron, after.astimezone(ZoneInfo(zone)), reverse=True))
    return due.astimezone(UTC)


def next_due(cron: str, zone: str, moment: datetime) -> datetime:
    """The first time after `moment` (with zone) at which it is due, in UTC."""
    due: datetime = next(CronSim(cron, moment.astimezone(ZoneInfo(zone))))
    return due.astimezone(UTC)
