"""Former names: a failure keeps its fingerprint when the module that raises it is moved."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.failures.classification import classify, fingerprint
from ba2_trade_platform.core.failures.former_names import FORMER_NAMES, PACKAGE, former_name
from ba2_trade_platform.demo.practice_desk.failures import fail
from ba2_trade_platform.vocabulary import ErrorCode


def test_a_practised_failure_is_in_the_group_it_was_in_before_the_move() -> None:
    with pytest.raises(ExpertError) as raised:
        fail(ErrorCode.AUTH, "AAPL")
    place = "ba2_trade_platform.experts.practice_desk.failures:fail"
    assert classify(raised.value).fingerprint == fingerprint(ErrorCode.AUTH, str(raised.value), place)
    # As a desk of the version before the move has it in its database.
    assert classify(raised.value).fingerprint == "36f1fa0b2dd5a014"


def test_every_module_of_the_table_is_there_and_no_two_share_their_first_name_by_mistake() -> None:
    assert [name for name in FORMER_NAMES if find_spec(PACKAGE + name) is None] == []
    assert former_name("ba2_trade_platform.llm.calls") == "ba2_trade_platform.llm.calls"
    assert former_name("ba2_trade_platform.market.providers.yahoo") == "ba2_trade_platform.market.yahoo"
