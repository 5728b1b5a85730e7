"""Error documentation: every meaning of an error that a trader can meet stands in docs/models.md, with its code."""

from __future__ import annotations

import re

from ba2_trade_platform.llm.errors.meanings import MEANINGS
from tests.places import ROOT


def test_every_meaning_is_explained_with_its_code_and_what_to_do() -> None:
    text = (ROOT / "docs" / "models.md").read_text()
    rows = re.findall(r"^\| `([a-z_]+)` \| ([A-Z_]+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert {name: code for name, code, *_ in rows} == {one.name: one.code.value for one in MEANINGS.values()}
    assert all(len(cause) > 10 and len(remedy) > 5 for *_, cause, remedy in rows)
