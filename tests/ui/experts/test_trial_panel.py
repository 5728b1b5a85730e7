"""Trial panel: the form as it stands is tried, and the answer stands in the dialog, as a simulated user sees it."""

from __future__ import annotations

from typing import Any

from nicegui.testing import User

from ba2_trade_platform.core.worker.trials import Trial
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.vocabulary import Outcome
from tests.eventually import eventually
from tests.platforms import TRADER, practice
from tests.ui.elements import control, put


async def form(user: User, desk: Desk, **settings: Any) -> int:
    """Open the form of a practice desk on a watchlist of one symbol, which is chosen; return the expert's id."""
    watchlist = desk.platform.instruments.watchlists.create("Mine", by=TRADER)
    desk.platform.instruments.watchlists.add_symbols(watchlist.id, ["MSFT", "AAPL"], by=TRADER)
    expert = practice(desk.platform, "Tried", **settings)
    await user.open(f"/experts?edit={expert}")
    await user.should_see(marker="try-expert")
    assert control(user, "trial-symbol").options == ["AAPL", "MSFT"]
    put(user, "trial-symbol", "MSFT")
    return expert


async def begin(user: User) -> None:
    """Press the button and wait for the trial to be at work."""
    user.find(marker="try-expert").click()
    await eventually(lambda: "ba2-gone" not in control(user, "cancel-trial").classes)


def trial(desk: Desk, number: int = 1) -> Trial:
    """Return how a trial stands."""
    return desk.platform.trials.get(number)


async def test_what_is_in_the_form_is_tried_and_not_what_is_saved(user: User, desk: Desk) -> None:
    expert = await form(user, desk, action="HOLD")
    put(user, "setting-action", "SELL")
    put(user, "setting-confidence", 73)
    user.find(marker="try-expert").click()
    await user.should_see("MSFT, confidence 73")
    await user.should_see("SELL")
    await user.should_see("A trial: not kept, never traded")
    assert desk.platform.experts.get(expert).revision == 1
    assert desk.platform.experts.get(expert).settings["action"] == "HOLD"
    await user.should_see(marker="save-expert")
    assert control(user, "setting-confidence").value == 73


async def test_a_failure_is_shown_with_its_code(user: User, desk: Desk) -> None:
    await form(user, desk, fail_with="AUTH", fail_times=-1)
    user.find(marker="try-expert").click()
    await user.should_see("A trial: not kept, never traded")
    assert (trial(desk).outcome, trial(desk).symbol) == (Outcome.FAILED, "MSFT")
    await user.should_see(trial(desk).error_message or "?")
    await user.should_see("AUTH")


async def test_a_form_that_does_not_fit_is_not_tried_and_says_so_at_the_field(user: User, desk: Desk) -> None:
    await form(user, desk)
    put(user, "setting-steps", 99)
    user.find(marker="try-expert").click()
    await eventually(lambda: "less than or equal to 50" in str(control(user, "setting-steps").error))
    put(user, "setting-steps", 2)
    put(user, "trial-symbol", None)
    user.find(marker="try-expert").click()
    await user.should_see("Choose a symbol to try it on")


async def test_a_symbol_of_no_watchlist_is_typed(user: User, desk: Desk) -> None:
    await form(user, desk)
    with user:
        field = user.find(marker="trial-symbol")
        field.trigger("input", "amd")
        field.trigger("blur")
    await eventually(lambda: control(user, "trial-symbol").value == "AMD")
    user.find(marker="try-expert").click()
    await user.should_see("AMD, confidence 60")


async def test_a_trial_is_cancelled_in_the_dialog_and_another_can_begin(user: User, desk: Desk) -> None:
    await form(user, desk, hang="cooperative", fail_times=-1)
    await begin(user)
    assert not control(user, "trial-symbol").enabled
    assert "ba2-gone" in control(user, "try-expert").classes, "one at a time in a dialog"
    user.find(marker="cancel-trial").click()
    await eventually(lambda: trial(desk).outcome is Outcome.CANCELLED)
    await eventually(lambda: "ba2-gone" not in control(user, "try-expert").classes)
    await user.should_see("cancelled")
    put(user, "setting-hang", "no")
    user.find(marker="try-expert").click()
    await user.should_see("MSFT, confidence 60")


async def test_closing_the_dialog_cancels_its_trial(user: User, desk: Desk) -> None:
    await form(user, desk, hang="cooperative", fail_times=-1)
    await begin(user)
    user.find(marker="close-form").click()
    await eventually(lambda: not control(user, "form-dialog").value)
    user.find(marker="form-dialog").trigger("hide")  # as the browser does
    await eventually(lambda: trial(desk).outcome is Outcome.CANCELLED)


async def test_closing_the_tab_cancels_its_trial(user: User, desk: Desk) -> None:
    await form(user, desk, hang="cooperative", fail_times=-1)
    await begin(user)
    assert user.client is not None
    user.client.delete()
    await eventually(lambda: trial(desk).outcome is Outcome.CANCELLED)
