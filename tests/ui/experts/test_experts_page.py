"""The Experts page: the configured experts and the queue's switches, as a simulated user sees them."""

from __future__ import annotations

import pytest
from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.schema_form import SchemaForm, fields_of
from ba2_trade_platform.vocabulary import Status
from tests.eventually import eventually
from tests.platforms import TRADER, drain, practice, row, submit
from tests.ui.elements import control, put


async def test_without_experts_it_says_what_to_do_and_one_can_be_added(user: User, desk: Desk) -> None:
    await user.open("/experts")
    await user.should_see("No experts yet")
    user.find(marker="add-expert").click()
    await user.should_see(marker="alias")
    put(user, "alias", "My rules")
    user.find(marker="save-expert").click()
    await user.should_see("My rules saved, settings revision 1")
    await user.should_not_see("No experts yet")
    (created,) = desk.platform.experts.list()
    assert (created.alias, created.expert, created.max_concurrent) == ("My rules", "TechnicalRules", 4)
    await user.should_see("Open positions need a connected broker; none is configured")


async def test_fixing_the_settings_lets_the_rerun_succeed(user: User, desk: Desk) -> None:
    expert = practice(desk.platform, "Expired key", fail_with="AUTH", fail_times=-1)
    analysis_id = submit(desk.platform, expert)
    drain(desk.platform)
    await user.open(f"/experts?edit={expert}")
    await user.should_see(marker="save-expert")
    links = [link.props["href"] for link in user.find(kind=ui.link, content="1").elements]
    assert f"/marketanalysis?expert={expert}&status=failed" in links
    assert control(user, "setting-fail_with").value == "AUTH"
    put(user, "setting-fail_with", "")
    user.find(marker="save-expert").click()
    await user.should_see("Expired key saved, settings revision 2")
    assert desk.platform.experts.get(expert).settings["fail_with"] is None
    desk.platform.analyses.rerun(analysis_id, by=TRADER)
    drain(desk.platform)
    assert row(desk.platform, analysis_id).status is Status.COMPLETED
    await user.should_see("revision 2")


async def test_what_does_not_fit_is_told_in_the_dialog_which_stays(user: User, desk: Desk) -> None:
    desk.platform.experts.create("TechnicalRules", "Rules", by=TRADER)
    taken = practice(desk.platform, "Taken")
    await user.open(f"/experts?edit={taken}")
    await user.should_see(marker="save-expert")
    for marker, value, sentence in (
        ("setting-steps", 99, "steps: Input should be less than or equal to 50"),
        ("setting-steps", None, "steps: Input should be a valid integer"),
        ("max_concurrent", 2.5, "At once: a whole number is needed, not 2.5"),
        ("timeout_seconds", None, "Time limit, seconds: a number is needed"),
        ("alias", "Rules", "There already is an expert called Rules"),
    ):
        before = control(user, marker).value
        put(user, marker, value)
        user.find(marker="save-expert").click()
        await eventually(lambda sentence=sentence: user.should_see(sentence))
        await eventually(lambda: control(user, "save-expert").enabled)
        put(user, marker, before)
    assert desk.platform.experts.get(taken).revision == 1
    user.find(marker="save-expert").click()
    await user.should_see("Taken saved, settings revision 1")


async def test_an_expert_is_disabled_and_enabled_by_its_switch(user: User, desk: Desk) -> None:
    expert = practice(desk.platform)
    await user.open("/experts")
    put(user, f"enabled-{expert}", False)
    await user.should_see("Practice desk disabled: its waiting analyses will fail")
    assert desk.platform.experts.get(expert).enabled is False
    put(user, f"enabled-{expert}", True)
    await user.should_see("Practice desk enabled")
    assert desk.platform.experts.get(expert).enabled is True


async def test_an_expert_is_archived_after_a_question(user: User, desk: Desk) -> None:
    expert = practice(desk.platform)
    await user.open("/experts")
    user.find(marker=f"archive-{expert}").click()
    await user.should_see("Archive Practice desk?")
    user.find(kind=ui.button, content="Archive").click()
    await user.should_see("Practice desk archived")
    await user.should_see("No experts yet")
    assert desk.platform.experts.list() == []


async def test_slots_are_set_within_their_bounds(user: User, desk: Desk) -> None:
    await user.open("/experts")
    assert control(user, "slots").value == 8
    put(user, "slots", 3)
    user.find(marker="set-slots").click()
    await user.should_see("The queue has 3 slots now")
    await user.should_see("Working, up to 3 analyses at once.")
    put(user, "slots", 1000)
    user.find(marker="set-slots").click()
    await user.should_see("Slots must be between 1 and 256, not 1000")
    put(user, "slots", None)
    user.find(marker="set-slots").click()
    await user.should_see("Slots must be a whole number between 1 and 256")
    assert desk.platform.queue.state().slots == 3


async def test_the_queue_is_paused_with_a_reason_and_resumed(user: User, desk: Desk) -> None:
    await user.open("/experts")
    put(user, "pause-reason", "lunch")
    user.find(marker="pause").click()
    await eventually(lambda: desk.platform.queue.state().reason == "lunch")
    await user.should_see("Paused by trader since")
    await eventually(lambda: control(user, "pause").text == "Resume")
    user.find(marker="pause").click()
    await eventually(lambda: not desk.platform.queue.state().paused)
    await user.should_see("Working, up to")


SCHEMA = {
    "$defs": {"Colour": {"enum": ["red", "green"], "type": "string"}},
    "properties": {
        "colour": {"anyOf": [{"$ref": "#/$defs/Colour"}, {"type": "null"}], "default": None, "title": "Colour"},
        "fixed": {"allOf": [{"$ref": "#/$defs/Colour"}], "default": "red"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2, "description": "How many"},
        "share": {"type": "number", "exclusiveMinimum": 0, "default": 0.5},
        "loud": {"type": "boolean", "default": False},
        "key": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "weights": {"type": "array", "items": {"type": "number"}, "default": [1.0]},
        "sources": {"type": "array", "items": {"type": "string"}, "default": ["own"]},
    },
}


def test_the_fields_of_a_schema_keep_kind_bounds_choices_and_default() -> None:
    fields = {field.name: field for field in fields_of(SCHEMA)}
    assert {name: field.kind for name, field in fields.items()} == {
        "colour": "choice", "fixed": "choice", "count": "integer", "share": "number", "loud": "boolean",
        "key": "text", "weights": "json", "sources": "names",
    }  # fmt: skip
    assert fields["colour"].choices == ("red", "green")
    assert fields["colour"].optional
    assert not fields["fixed"].optional
    assert (fields["count"].minimum, fields["count"].maximum, fields["count"].default) == (1, 9, 2)
    assert fields["count"].hint == "How many. 1 to 9"
    assert fields["share"].hint == "At least 0"


async def test_a_form_gives_back_the_values_it_was_given(user: User) -> None:
    values = {
        "colour": None, "fixed": "green", "count": 3, "share": 0.25, "loud": True, "key": None, "weights": [1, 2],
        "sources": ["openai", "own"],
    }  # fmt: skip
    forms: list[SchemaForm] = []

    @ui.page("/form")
    def page() -> None:
        forms.append(SchemaForm(SCHEMA, values))

    await user.open("/form")
    assert forms[0].values() == values
    put(user, "setting-colour", "red")
    put(user, "setting-count", 4.0)
    assert forms[0].values() == {**values, "colour": "red", "count": 4}
    put(user, "setting-weights", "[1,")
    with pytest.raises(Invalid, match="weights is no JSON"):
        forms[0].values()
