"""The Failures tab: the inbox, its verbs with their undo, and the card of a verdict, for a simulated user."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.core.contracts.experts import AnalysisContext, ExpertError, Verdict
from ba2_trade_platform.core.failures.group_states import GroupState
from ba2_trade_platform.core.monitoring.failure_inbox import Group
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.routes import register_pages
from ba2_trade_platform.vocabulary import ErrorCode, FailureKind
from tests.eventually import eventually
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER, drain, make_platform, practice, running, submit
from tests.ui.elements import click_through, shown

TAB = "/marketanalysis?tab=failures"


def fail(desk: Desk, code: str = "AUTH", symbols: tuple[str, ...] = ("AAPL",), **settings: object) -> Group:
    """Have an analysis of each symbol fail, and return their group."""
    expert = practice(desk.platform, f"Fails with {code}", fail_with=code, **settings)
    for symbol in symbols:
        submit(desk.platform, expert, symbol)
    drain(desk.platform)
    return next(group for group in desk.platform.monitoring.failures.groups().items if group.code == code)


def state(desk: Desk, group: Group) -> GroupState:
    """Return where a group stands now."""
    return desk.platform.monitoring.failures.group(group.fingerprint).state


def links(user: User) -> set[str]:
    """Return where the page's links lead."""
    return {str(link.props["href"]) for link in user.find(ui.link).elements}


async def test_an_empty_inbox_says_that_nothing_needs_anybody(user: User, desk: Desk) -> None:
    submit(desk.platform, practice(desk.platform))
    drain(desk.platform)
    await user.open(TAB)
    await user.should_see("Nothing needs you. 1 completed today, 0 recovered by retry.")
    await user.should_not_see(marker="undo")


async def test_a_group_is_one_line_whose_numbers_lead_into_the_monitor(user: User, desk: Desk) -> None:
    group = fail(desk, symbols=("AAPL", "MSFT"))
    await user.open(TAB)
    await user.should_see("permanent")
    await user.should_see("unresolved")
    address = f"/marketanalysis?fingerprint={group.fingerprint}"
    assert {f"{address}&status=failed", address, f"{address}&expert=1", f"{address}&symbol=MSFT"} <= links(user)
    await user.open(f"{address}&status=failed")
    assert {shown(user, 1)["verdict"], shown(user, 2)["verdict"]} == {"permanent"}


async def test_the_rail_counts_the_groups_that_need_a_person(user: User, desk: Desk) -> None:
    group = fail(desk)
    fail(desk, "DATA_MISSING")
    await user.open("/watchlists")
    await user.should_see("2", marker="badge-failures")
    desk.platform.monitoring.triage.resolve(group.fingerprint, by=TRADER)
    await user.should_see("1", marker="badge-failures")


async def test_resolving_takes_a_group_away_and_undo_brings_it_back(user: User, desk: Desk) -> None:
    group = fail(desk)
    await user.open(TAB)
    await user.should_see(marker=f"resolve-{group.fingerprint}")
    user.find(marker=f"resolve-{group.fingerprint}").click()
    await user.should_see("AUTH: Resolved: it leaves the inbox until it comes back")
    await user.should_see("Nothing needs you.")
    assert state(desk, group) is GroupState.RESOLVED
    user.find(marker="undo").click()
    await user.should_see(marker=f"resolve-{group.fingerprint}")
    assert state(desk, group) is GroupState.UNRESOLVED


async def test_a_group_is_ignored_for_a_time_and_reopened_from_its_view(user: User, desk: Desk) -> None:
    group = fail(desk)
    await user.open(TAB)
    await user.should_see(marker=f"ignore-ten-{group.fingerprint}")
    user.find(marker=f"ignore-ten-{group.fingerprint}").click()
    await user.should_see("AUTH: Ignored until 10 more")
    await user.open(f"{TAB}&state=ignored")
    await user.should_see("ignored until 10 more")
    user.find(marker=f"reopen-{group.fingerprint}").click()
    await user.should_see("No group is ignored")
    assert state(desk, group) is GroupState.UNRESOLVED


async def test_a_group_is_rerun_after_a_question_and_leaves_by_itself(user: User, desk: Desk) -> None:
    group = fail(desk, symbols=("AAPL", "MSFT"))
    desk.platform.experts.update(1, by=TRADER, settings={"seconds": 0, "steps": 1, "outputs": 1})
    await user.open(TAB)
    await user.should_see(marker=f"rerun-{group.fingerprint}")
    user.find(marker=f"rerun-{group.fingerprint}").click()
    await user.should_see("2 of 2")
    user.find(marker="bulk-reason").type("new key")
    await click_through(user, marker="confirm-bulk")
    await user.should_see("accepted: 2 analyses will run")
    await eventually(lambda: state(desk, group) is GroupState.RECOVERED)
    await user.open(TAB)
    await user.should_see("Nothing needs you. 2 completed today, 0 recovered by retry.")
    await user.open(f"{TAB}&state=recovered")
    await user.should_see("recovered")


async def test_the_detail_says_the_verdict_and_opens_its_card(user: User, desk: Desk) -> None:
    group = fail(desk)
    await user.open("/market_analysis/1")
    await user.should_see("Permanent: fix first (API key refused")
    user.find(marker="verdict-why").click()
    await user.should_see(marker="verdict-card")
    desk.platform.monitoring.outlook.set_kind(group.fingerprint, FailureKind.TRANSIENT, by=TRADER, reason="it hiccups")
    await user.should_see("Transient: likely to work")


async def test_the_card_shows_rule_and_evidence_and_takes_the_operators_word(user: User, desk: Desk) -> None:
    group = fail(desk, fail_times=9)
    desk.platform.analyses.rerun(1, by=TRADER)
    drain(desk.platform)
    await user.open(TAB)
    await user.should_see(marker=f"verdict-{group.fingerprint}")
    user.find(marker=f"verdict-{group.fingerprint}").click()
    await user.should_see("Permanent: fix first (API key refused")
    await user.should_see("By its code, AUTH, it is permanent.")
    await user.should_see("#1, attempt 2")
    user.find(marker="verdict-kind").elements.pop().set_value(FailureKind.TRANSIENT.value)
    user.find(marker="verdict-reason").type("their key server hiccups")
    user.find(marker="verdict-save").click()
    await user.should_see("These failures are held to be transient")
    await user.should_see(marker=f"clear-kind-{group.fingerprint}")
    await user.should_see("their key server hiccups")
    user.find(marker=f"clear-kind-{group.fingerprint}").click()
    await user.should_see("held to be permanent again, as its code says")
    assert desk.platform.monitoring.outlook.overrides() == []


async def test_the_table_opens_the_card_of_a_row(user: User, desk: Desk) -> None:
    fail(desk)
    await user.open("/marketanalysis")
    assert shown(user, 1)["verdict_hint"].startswith("Permanent: fix first")
    user.find(marker="verdict").trigger("click.stop", 1)
    await user.should_see(marker="verdict-card")


async def test_the_inbox_follows_what_happens_elsewhere(user: User, desk: Desk) -> None:
    await user.open(TAB)
    await user.should_see("Nothing needs you.")
    fail(desk)
    await user.should_see("unresolved")


async def test_an_address_that_makes_no_sense_shows_the_first_page(user: User, desk: Desk) -> None:
    fail(desk)
    await user.open(f"{TAB}&state=angry&after=nonsense")
    await user.should_see("unresolved")


NASTY = "<script>alert(1)</script>\x00\x1b[31m" + "'; --" + "x" * 1_000_000


async def nasty(context: AnalysisContext) -> Verdict:
    """Fail with a text of a megabyte that has markup and control characters in it."""
    raise ExpertError(ErrorCode.BAD_REQUEST, NASTY, provider="<b>acme</b>")


async def test_a_message_of_a_megabyte_with_markup_is_shown_as_text(user: User, tmp_path: Path) -> None:
    platform = make_platform(tmp_path, catalog=Catalog(Scripted(act=nasty)))
    register_pages(platform)
    with running(platform):
        expert = platform.experts.create("Scripted", "Scripted", by=TRADER).id
        submit(platform, expert)
        drain(platform)
        await user.open(TAB)
        await user.should_see("permanent")
        (text,) = {
            label.text
            for label in user.find(ui.label).elements
            if isinstance(label, ui.label) and "alert" in label.text
        }
        assert text.startswith("<script>alert(1)</script>")
        assert len(text) <= 500
        assert "\x00" not in text
