"""When something is due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.syndication.schedule import check_cron, check_zone, last_due, next_due


@given(
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1)), st.integers(0, 59), st.integers(0, 23)
)
def test_the_last_time_is_before_and_the_next_one_after(moment: datetime, minute: int, hour: int) -> None:
    moment = moment.replace(tzinfo=UTC)
    cron = f"{minute} {hour} * * *"
    last, following = last_due(cron, "UTC", moment), next_due(cron, "UTC", moment)
    assert last <= moment < following
    assert following - last == timedelta(days=1)
    assert (last.hour, last.minute) == (hour, minute)


def test_the_zone_counts() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert next_due("0 5 * * *", "Europe/Oslo", noon) == datetime(2026, 7, 2, 3, tzinfo=UTC)
    assert next_due("0 5 * * *", "Asia/Shanghai", noon) == datetime(2026, 7, 1, 21, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "* * * *", "* * * * * *", "61 * * * *", "0 25 * * *"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no schedule"):
        check_cron(text)


def test_zones_are_checked() -> None:
    assert check_zone("Europe/Oslo") == "Europe/Oslo"
    for wrong in ("Nowhere/City", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="time zone"):
            check_zone(wrong)
