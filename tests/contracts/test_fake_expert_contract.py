"""Fake experts: they keep the contract of experts, or the tests would practise with something else."""

from __future__ import annotations

import pytest

from ba2_trade_platform.demo.market import DemoMarket
from tests.contracts.test_expert_contract import (
    context_of,
    market,
    test_a_cancel_in_mid_step_ends_the_expert_at_once_and_leaves_nothing_behind,
    test_a_number_out_of_bounds_is_refused_by_the_name_of_its_setting,
    test_an_attempt_announces_its_steps_and_leaves_outputs_and_a_state,
    test_an_unknown_setting_is_refused_by_its_name,
    test_an_unknown_symbol_fails_as_symbol_invalid_and_is_named,
    test_every_setting_has_a_title_and_a_description_and_every_number_bounds,
    test_every_step_names_only_steps_that_were_begun_before_it,
    test_open_positions_need_a_broker_for_every_expert_but_the_practice_desk,
    test_prices_after_as_of_are_never_asked_for_and_change_nothing,
    test_the_default_settings_are_valid_and_survive_being_stored_as_json,
    test_two_attempts_at_the_same_instant_say_the_same,
)
from tests.fakes.experts import Scripted

__all__ = [
    "market",
    "test_a_cancel_in_mid_step_ends_the_expert_at_once_and_leaves_nothing_behind",
    "test_a_number_out_of_bounds_is_refused_by_the_name_of_its_setting",
    "test_an_attempt_announces_its_steps_and_leaves_outputs_and_a_state",
    "test_an_unknown_setting_is_refused_by_its_name",
    "test_an_unknown_symbol_fails_as_symbol_invalid_and_is_named",
    "test_every_setting_has_a_title_and_a_description_and_every_number_bounds",
    "test_every_step_names_only_steps_that_were_begun_before_it",
    "test_open_positions_need_a_broker_for_every_expert_but_the_practice_desk",
    "test_prices_after_as_of_are_never_asked_for_and_change_nothing",
    "test_the_default_settings_are_valid_and_survive_being_stored_as_json",
    "test_two_attempts_at_the_same_instant_say_the_same",
]


@pytest.fixture
def expert() -> Scripted:
    return Scripted()


async def test_a_resumed_attempt_reuses_every_step_and_says_the_same(expert: Scripted, market: DemoMarket) -> None:
    first = context_of(expert, market)
    verdict = await expert.analyse(first)
    second = first.resumed()
    assert await expert.analyse(second) == verdict
    assert [step.reused for step in second.steps] == [True, True]
