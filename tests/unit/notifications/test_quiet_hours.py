"""Quiet hours: when a channel may speak again, in the nights in which clocks change too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.notifications.quiet_hours import QuietHours

NIGHT = QuietHours("22:00", "07:00", "Europe/Berlin")
TIMES = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))


def at(text: str) -> datetime:
    """Return an instant of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "over"),
    [
        (NIGHT, "2026-06-01 19:59", "2026-06-01 19:59"),
        (NIGHT, "2026-06-01 20:00", "2026-06-02 05:00"),
        (NIGHT, "2026-06-02 04:59", "2026-06-02 05:00"),
        (NIGHT, "2026-06-02 05:00", "2026-06-02 05:00"),
        (QuietHours("12:00", "13:30", "Europe/Berlin"), "2026-06-01 10:15", "2026-06-01 11:30"),
        # 02:30 is skipped in the night to the 29th of March: the next minute that clocks show is 03:00.
        (QuietHours("22:00", "02:30", "Europe/Berlin"), "2026-03-28 23:00", "2026-03-29 01:00"),
        # 01:30 in New York comes twice in the night to the 1st of November: it is over the first time.
        (QuietHours("22:00", "01:30", "America/New_York"), "2026-11-01 05:00", "2026-11-01 05:30"),
        (QuietHours("22:00", "01:30", "America/New_York"), "2026-11-01 06:15", "2026-11-01 06:15"),
        # And what begins at 01:30 begins the first time, and is not interrupted by the second 01:00.
        (QuietHours("01:30", "07:00", "America/New_York"), "2026-11-01 06:05", "2026-11-01 12:00"),
    ],
)
def test_quiet_hours_are_over(hours: QuietHours, now: str, over: str) -> None:
    assert hours.over_at(at(now)) == at(over)


@given(
    TIMES,
    TIMES,
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]),
    st.integers(0, 19 * 365 * 1440).map(lambda minutes: at("2011-01-01") + timedelta(minutes=minutes)),
)
def test_they_end_within_a_day_or_so_and_then_they_are_over(start: str, end: str, zone: str, now: datetime) -> None:
    hours = QuietHours(start, end, zone)
    over = hours.over_at(now)
    assert now <= over <= now + timedelta(days=2)
    assert hours.over_at(over) == over
