"""Price forms: the same bars in every form are the same bars, and the documents list each form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.market.nine_bars import BARS, Written
from tests.unit.market.written_forms import DOCUMENT, WRITTEN, table, understood, with_table


@pytest.mark.parametrize("written", WRITTEN, ids=lambda written: written.title)
def test_bars_in_every_form_are_read_as_they_were_written(tmp_path: Path, written: Written) -> None:
    bars = understood(written, tmp_path).bars
    assert bars.days.tolist() == [bar[0] for bar in BARS]
    for place, column in enumerate(("open", "high", "low", "close"), 1):
        assert getattr(bars, column).tolist() == [bar[place] for bar in BARS]
    volumes = [0.0 if written.volume is None else written.volume(bar[5]) for bar in BARS]
    assert np.allclose(bars.volume, volumes, rtol=0, atol=1e-6)


def test_there_are_sixty_forms_and_the_document_lists_each(tmp_path: Path) -> None:
    """`python -m tests.unit.market.written_forms` writes the table anew."""
    assert len(WRITTEN) >= 60
    text = DOCUMENT.read_text()
    assert text == with_table(text, table(tmp_path))
