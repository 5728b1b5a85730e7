"""Dialect rule: nothing but `db` names a dialect, or spells a thing that one of them has alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.places import ROOT

PACKAGE = ROOT / "ba2_trade_platform"
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if PACKAGE / "db" not in path.parents]
OWN = re.compile(
    r"sqlalchemy\.dialects|exec_driver_sql|INDEXED BY"
    r"|func\.(json_\w+|julianday|strftime|date|likely|unlikely|iif|ifnull|group_concat|to_char|date_trunc|jsonb_\w+)\b"
    r"|from sqlalchemy import [^\n]*\btext\b|\.like\(",
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_asks_the_door_for_what_a_dialect_has_alone(path: Path) -> None:
    assert OWN.findall(path.read_text()) == []
