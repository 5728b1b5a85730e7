"""Pickers of providers and models: offers, choices and refusals in the experts' form, as a simulated user sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.core.contracts.model_checks import CheckedModel, ModelCheck
from ba2_trade_platform.ui.experts import model_words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.vocabulary import ModelCheckKind, ProviderKind
from tests.eventually import eventually
from tests.platforms import TRADER
from tests.ui.elements import control, put

PRICES = """provider,model,valid_from,input,cached,output,source
lab,small,2020-01-01,0.25,,2,x
lab,gratis,2020-01-01,0,,0,x
"""


def type_in(user: User, marker: str, text: str) -> None:
    """Type a text into a field to choose from, and leave it."""
    with user:
        field = user.find(marker=marker)
        field.trigger("input", text)
        field.trigger("blur")


def chosen(user: User) -> list[str]:
    """Return the names of the chosen providers in the order in which they are shown."""
    lines = control(user, "setting-providers").default_slot.children
    return [next(one.text for one in line.descendants() if isinstance(one, ui.label)) for line in lines]


@pytest.fixture
def expert(desk: Desk) -> int:
    """A debate desk that asks two servers of this desk."""
    (Path(desk.platform.settings.data_dir) / "prices.csv").write_text(PRICES)
    given = {"quick_model": "small", "deep_model": "large", "base_url": "http://127.0.0.1:9/v1"}
    for name in ("lab", "lab-two"):
        desk.platform.models.providers.create(name, ProviderKind.OPENAI, by=TRADER, **given)
    settings = {"providers": ["lab", "lab-two"], "quick_model": "lab:small"}
    return desk.platform.experts.create("DebateDesk", "Debaters", settings, by=TRADER).id


async def opened(user: User, expert: int) -> None:
    """Open the form of an expert."""
    await user.open(f"/experts?edit={expert}")
    await user.should_see(marker="save-expert")


def saved(desk: Desk, expert: int) -> Any:
    """Return its settings."""
    return desk.platform.experts.get(expert).settings


async def test_providers_are_ordered_removed_and_added_and_saved_as_before(user: User, desk: Desk, expert: int) -> None:
    await opened(user, expert)
    assert chosen(user) == ["lab", "lab-two"]
    await user.should_see("Another server that speaks OpenAI's protocol")
    user.find(marker="later-lab").click()
    await eventually(lambda: chosen(user) == ["lab-two", "lab"])
    assert [control(user, f"{word}-lab").enabled for word in ("earlier", "later")] == [True, False]
    put(user, "add-to-providers", "scripted")
    await eventually(lambda: chosen(user) == ["lab-two", "lab", "scripted"])
    user.find(marker="drop-lab-two").click()
    await eventually(lambda: chosen(user) == ["lab", "scripted"])
    user.find(marker="save-expert").click()
    await user.should_see("Debaters saved, settings revision 2")
    assert saved(desk, expert)["providers"] == ["lab", "scripted"]


async def test_an_order_is_changed_by_the_keyboard(user: User, desk: Desk, expert: int) -> None:
    await opened(user, expert)
    line = control(user, "setting-providers").default_slot.children[1]
    with user:
        (up, down) = [one for one in line._event_listeners.values() if one.type.startswith("keydown")]  # noqa: SLF001 - the framework's user has no keys
        assert [one.type for one in (up, down)] == ["keydown.up.alt.prevent", "keydown.down.alt.prevent"]
    user.find(marker="earlier-lab-two").click()
    await eventually(lambda: chosen(user) == ["lab-two", "lab"])


async def test_without_a_provider_nothing_is_saved_and_the_field_says_why(user: User, desk: Desk, expert: int) -> None:
    await opened(user, expert)
    for name in ("lab", "lab-two"):
        user.find(marker=f"drop-{name}").click()
    await eventually(lambda: chosen(user) == [])
    await user.should_see("None is chosen.")
    put(user, "setting-quick_model", None)
    user.find(marker="save-expert").click()
    await eventually(lambda: user.should_see("Providers: choose at least one"))
    assert desk.platform.experts.get(expert).revision == 1


async def test_a_provider_that_is_gone_is_kept_until_it_is_removed(user: User, desk: Desk, expert: int) -> None:
    desk.platform.models.providers.remove("lab", by=TRADER)
    await opened(user, expert)
    assert chosen(user) == ["lab", "lab-two"]
    await user.should_see("not at this desk")
    assert control(user, "setting-quick_model").props["hint"] == "not known here: it is asked as it is typed"
    user.find(marker="save-expert").click()
    await user.should_see("Debaters saved, settings revision 1")


async def test_each_model_comes_with_what_is_known_of_it(user: User, desk: Desk, expert: int) -> None:
    await opened(user, expert)
    options = control(user, "setting-deep_model").options
    assert [name for name in options if not name.startswith("\N{SECTION SIGN}")] == [
        "lab:small", "lab:large", "lab:gratis", "lab-two:small", "lab-two:large",
    ]  # fmt: skip
    name, words = options["lab:small"].split("\n")
    assert (name, words) == (
        "lab:small", "its quick model · window unknown · $0.25 in, $2 out a million · never tested",
    )  # fmt: skip
    assert "free" in options["lab:gratis"]
    assert "price unknown" in options["lab:large"]
    heading = options["\N{SECTION SIGN}lab"].split("\n")
    assert heading[:2] == ["lab", "Another server that speaks OpenAI's protocol, ready"]
    assert any("lab:gratis" in line for line in heading[3:]), "whoever searches for a model finds its group too"


async def test_an_empty_field_says_which_models_are_meant(user: User, desk: Desk, expert: int) -> None:
    await opened(user, expert)
    said = "Empty, each provider's own: lab:large, lab-two:large"
    assert control(user, "setting-deep_model").props["hint"] == said
    user.find(marker="drop-lab-two").click()
    await eventually(lambda: control(user, "setting-deep_model").props["hint"].endswith("own: lab:large"))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("lab:brand-new", "lab:brand-new"),
        ("GRATIS", "lab:gratis"),
        ("lab-two:LARGE", "lab-two:large"),
        ("lab:org/model:free", "lab:org/model:free"),
    ],
)
async def test_a_model_is_typed_known_or_not(user: User, desk: Desk, expert: int, typed: str, kept: str) -> None:
    await opened(user, expert)
    type_in(user, "setting-deep_model", typed)
    await eventually(lambda: control(user, "setting-deep_model").value == kept)
    known = kept in ("lab:gratis", "lab-two:large")
    words = "window unknown" if known else "not known here"
    await eventually(lambda: words in control(user, "setting-deep_model").props["hint"])
    user.find(marker="save-expert").click()
    await user.should_see("Debaters saved, settings revision 2")
    assert saved(desk, expert)["deep_model"] == kept


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("brand-new", "Deep model: write PROVIDER:MODEL, such as lab:large"),
        (":large", "Deep model: write PROVIDER:MODEL"),
        ("lab:", "Deep model: write PROVIDER:MODEL"),
        ("openai:gpt-5", "Deep model: openai:gpt-5 is of no chosen provider; add openai above"),
    ],
)
async def test_what_is_no_model_is_refused_at_its_field_and_stays_typed(
    user: User, desk: Desk, expert: int, typed: str, sentence: str
) -> None:
    await opened(user, expert)
    put(user, "alias", "Renamed")
    type_in(user, "setting-deep_model", typed)
    await eventually(lambda: sentence in str(control(user, "setting-deep_model").error))
    user.find(marker="save-expert").click()
    await eventually(lambda: user.should_see(sentence))
    assert (control(user, "setting-deep_model").value, control(user, "alias").value) == (typed, "Renamed")
    assert desk.platform.experts.get(expert).revision == 1


async def test_a_model_whose_provider_was_removed_is_told_at_once(user: User, desk: Desk, expert: int) -> None:
    await opened(user, expert)
    user.find(marker="drop-lab").click()
    await eventually(lambda: "is of no chosen provider" in str(control(user, "setting-quick_model").error))
    put(user, "add-to-providers", "lab")
    await eventually(lambda: control(user, "setting-quick_model").error is None)


async def test_few_settings_are_shown_and_the_fold_counts_what_differs(user: User, desk: Desk, expert: int) -> None:
    await opened(user, expert)
    fold = control(user, "more-settings")
    assert (fold.value, fold.props["caption"]) == (False, "all as by default")
    folded = {marker for one in fold.descendants() for marker in one._markers}  # noqa: SLF001 - where a field stands
    assert {"setting-temperature", "setting-news_days", "max_concurrent", "timeout_seconds"} <= folded
    assert not {"setting-providers", "setting-quick_model", "setting-debate_rounds", "setting-memory_"} & folded
    put(user, "setting-news_days", 30)
    await eventually(lambda: fold.props["caption"] == "1 differs from the default")
    put(user, "max_concurrent", 2)
    await eventually(lambda: fold.props["caption"] == "2 differ from the default")
    put(user, "setting-news_days", 14.0)
    await eventually(lambda: fold.props["caption"] == "1 differs from the default")


@pytest.mark.parametrize(
    ("marker", "value", "sentence"),
    [
        ("setting-news_days", 999, "Input should be less than or equal to 90"),
        ("setting-call_retries", 2.5, "Input should be a valid integer"),
        ("max_concurrent", 2.5, "At once: a whole number is needed, not 2.5"),
        ("timeout_seconds", None, "Time limit, seconds: a number is needed"),
    ],
)
async def test_a_folded_field_with_an_error_is_unfolded(
    user: User, desk: Desk, expert: int, marker: str, value: Any, sentence: str
) -> None:
    await opened(user, expert)
    put(user, marker, value)
    user.find(marker="save-expert").click()
    await eventually(lambda: control(user, marker).error)
    assert sentence in control(user, marker).error
    assert control(user, "more-settings").value
    put(user, marker, 20)
    assert control(user, marker).error is None


async def test_an_expert_without_hints_shows_everything(user: User, desk: Desk) -> None:
    rules = desk.platform.experts.create("TechnicalRules", "Rules", by=TRADER).id
    await opened(user, rules)
    await user.should_not_see(marker="more-settings")
    await user.should_see(marker="setting-high_risk_percent")
    await user.should_see(marker="max_concurrent")


async def test_another_expert_is_chosen_and_its_limits_stay_typed(user: User, desk: Desk) -> None:
    await user.open("/experts")
    user.find(marker="add-expert").click()
    await user.should_see(marker="alias")
    put(user, "max_concurrent", 3)
    put(user, "expert", "DebateDesk")
    await user.should_see(marker="more-settings")
    assert control(user, "more-settings").props["caption"] == "1 differs from the default"
    put(user, "expert", "TechnicalRules")
    await user.should_not_see(marker="more-settings")
    assert control(user, "max_concurrent").value == 3


async def test_a_desk_without_providers_leads_to_their_page(user: User, desk: Desk, expert: int) -> None:
    for one in desk.platform.models.providers.list():
        desk.platform.models.providers.remove(one.name, by=TRADER)
    await opened(user, expert)
    await user.should_see("Add a model provider on Providers")


async def test_changes_are_asked_about_before_they_are_lost(user: User, desk: Desk, expert: int) -> None:
    await opened(user, expert)
    put(user, "setting-debate_rounds", 3)
    user.find(marker="close-form").click()
    await user.should_see("Leave without saving?")
    user.find("Go on editing").click()
    await user.should_not_see("Leave without saving?")
    assert control(user, "setting-debate_rounds").value == 3
    put(user, "setting-debate_rounds", 1)
    user.find(marker="close-form").click()
    await eventually(lambda: not control(user, "form-dialog").value)


async def test_a_moved_provider_is_a_change_and_leaving_drops_it(user: User, desk: Desk, expert: int) -> None:
    await opened(user, expert)
    user.find(marker="later-lab").click()
    await eventually(lambda: chosen(user) == ["lab-two", "lab"])
    user.find(marker="close-form").click()
    await user.should_see("Leave without saving?")
    user.find(kind=ui.button, content="Leave").click()
    await eventually(lambda: not control(user, "form-dialog").value)
    assert saved(desk, expert)["providers"] == ["lab", "lab-two"]


NOON = datetime(2020, 11, 12, 12, tzinfo=UTC)
WELL = ModelCheck(ModelCheckKind.TEXT, "m", ok=True, sentence="It answered")
BADLY = ModelCheck(ModelCheckKind.TOOL, "m", ok=False, sentence="It called no tool")
SAFE = ModelCheck(ModelCheckKind.STRUCTURED, "m", ok=True, sentence="")


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        (None, "never tested"),
        ([], "never tested"),
        ([WELL, SAFE], "tested 12 Nov 2020: text, structured"),
        ([WELL, BADLY], "failed 12 Nov 2020: tool (It called no tool)"),
    ],
)
def test_a_test_is_told_with_its_day(checks: list[ModelCheck] | None, words: str) -> None:
    tested = None if checks is None else CheckedModel("lab", "m", checks, NOON)
    assert model_words.tested_words(tested, ZoneInfo("UTC")) == words
