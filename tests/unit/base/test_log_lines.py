"""Log lines: a text from outside never looks like a line of the log, and moves no terminal."""

from __future__ import annotations

import io
import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.base.logs import LineFormatter, get_logger
from ba2_trade_platform.serve import LOG_LINE, json_lines

FORGED = "no bars\n2026-03-02 10:00:00,000 INFO    worker ba2: Analysis 7 completed"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")


def logged(formatter: logging.Formatter, message: str, *, raised: bool = False) -> str:
    """Return what one record becomes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("ba2")
    logger.addHandler(handler)
    try:
        if raised:
            raise ValueError(message)
        logger.warning("Analysis 6 failed: %s", message)
    except ValueError:
        logger.exception("Analysis 6 failed")
    return stream.getvalue()


@given(st.text(st.characters()))
def test_one_record_is_one_line_whatever_it_says(message: str) -> None:
    said = logged(LineFormatter(LOG_LINE), message).encode("utf-8").decode()
    assert said.count("\n") == 1
    assert len(said.splitlines()) == 1
    assert all(character.isprintable() or character.isspace() or ord(character) > 0x9F for character in said)


@pytest.mark.parametrize("raised", [False, True])
def test_a_message_forges_no_line(raised: bool) -> None:
    said = logged(LineFormatter(LOG_LINE), FORGED, raised=raised)
    assert "Analysis 7 completed" in said
    assert len([line for line in said.splitlines() if LINE.match(line)]) == 1


def test_a_json_line_is_one_object_without_what_a_terminal_obeys() -> None:
    said = logged(json_lines(), f"{FORGED}\x1b[2J\x9b1m\x7f", raised=False)
    assert said.count("\n") == 1
    assert json.loads(said)["level"] == "warning"
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]|\\u001b", said)


def test_keys_of_a_structured_line_are_clean_too(caplog: pytest.LogCaptureFixture) -> None:
    get_logger("ba2.test").warning("A name", symbol="\x1b[31mred")
    said = json.loads(json_lines().format(caplog.records[-1]))
    assert (said["message"], said["symbol"]) == ("A name", "[31mred")
