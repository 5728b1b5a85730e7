"""The typed choice: text in a field of names, and the one name that it means."""

from __future__ import annotations

import pytest

from ba2_trade_platform.ui.kit.typed_choice import the_one

NAMES = ("Europe/Berlin", "GMT", "Etc/GMT", "XNYS", "XNAS")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("xnys", "XNYS"), ("berlin", "Europe/Berlin"), ("GMT", "GMT"), ("XN", None), ("", None), ("Mars", None)],
)
def test_what_is_typed_means_one_name_or_none(typed: str, meant: str | None) -> None:
    assert the_one(NAMES, typed) == meant
