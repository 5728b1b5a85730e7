"""Schedules in a real browser: made by clicking, seen as five times, run now, and a missed run acknowledged."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.consoles import ConsoleProcess
from tests.patience import EVENT_SECONDS

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


def plant_missed(console: ConsoleProcess) -> None:
    """Leave a missed run, as an outage does."""
    with sqlite3.connect(console.log.parent / "ba2.db", timeout=EVENT_SECONDS) as database:
        database.execute(
            "INSERT INTO schedule_run (schedule_id, planned_at, trigger, state, reason, actor_id, created_at) VALUES"
            " (1, '2026-01-05 14:45:00.000000', 'planned', 'missed', 'The console was down from 15:12 to 16:47', 1,"
            " '2026-01-05 15:47:00.000000')"
        )


def test_a_schedule_is_made_run_and_looked_after(console: ConsoleProcess, open_page: Open) -> None:
    console.expert()
    page = open_page(f"{console.url}/schedules")
    expect(page.get_by_text("No schedules yet")).to_be_visible()
    page.get_by_role("button", name="New schedule").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Give it a name")).to_be_visible()
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    dialog.get_by_label("Name", exact=True).fill("Opening bell")
    dialog.get_by_role("combobox", name="Expert").click()
    page.get_by_role("option", name="Practice desk").click()
    dialog.get_by_label("Symbols", exact=True).fill("AAPL, MSFT")
    dialog.get_by_role("combobox", name="When", exact=True).click()
    page.get_by_role("option", name="Around the exchange's open and close").click()
    expect(dialog.get_by_text("Times from open and close need an exchange calendar")).to_be_visible()
    dialog.get_by_role("combobox", name="Only on days with a session of").fill("xnys")
    expect(page.get_by_role("option", name="XNYS")).to_be_visible()
    page.keyboard.press("Tab")
    expect(dialog.locator(".ba2-times li")).to_have_count(5)
    expect(dialog.get_by_text("15 min after open of each XNYS session on Mon-Fri")).to_be_visible()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Run now: Opening bell").click()
    expect(page.get_by_text("Opening bell runs now (run 1)")).to_be_visible()
    page.get_by_role("link", name="done", exact=True).click()
    expect(page).to_have_url(re.compile(r"/runs/1$"))
    expect(page.locator('[data-run="succeeded"] .ba2-number')).to_have_text("2")

    plant_missed(console)
    page.goto(f"{console.url}/marketanalysis")
    page.get_by_text("1 run of a schedule needs a look").click()
    expect(page.get_by_text("The console was down from 15:12 to 16:47")).to_be_visible()
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    page.get_by_label("Reason, if you like").fill("power cut")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing left to look at")).to_be_visible()
    expect(page.get_by_text("needs a look")).to_be_hidden()


def test_what_is_typed_counts_and_what_is_emptied_does_not(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/schedules")
    page.get_by_role("button", name="New schedule").click()
    dialog = page.get_by_role("dialog")
    calendar = dialog.get_by_role("combobox", name="Only on days with a session of")
    zone = dialog.get_by_role("combobox", name="Time zone")
    calendar.fill("xnys")
    expect(page.get_by_role("option", name="XNYS")).to_be_visible()
    calendar.fill("")
    expect(page.get_by_role("option", name="XLON")).to_be_visible()
    page.keyboard.press("Tab")
    zone.fill("berlin")
    expect(page.get_by_role("option")).to_have_text(["Europe/Berlin"])
    page.keyboard.press("Tab")
    expect(zone).to_have_value("Europe/Berlin")
    expect(calendar).to_have_value("")
