"""Log lines: a sentence for a person, key-values for a program, and JSON where it is asked for."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.serve import open_log
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.ui.kit.feedback import ConsoleStoppingError
from tests.platforms import TRADER
from tests.stepped import make_desk


@contextmanager
def logged(folder: Path, **settings: Any) -> Iterator[Path]:
    """Log as the console does, into a file of its own, for the length of a block."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    open_log(Settings(_env_file=None, data_dir=folder, **settings))
    try:
        yield folder / "logs" / "console.log"
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers, root.level = handlers, level


def rerun_of_a_failure(folder: Path) -> int:
    """Fail an analysis and re-run it; return its id."""
    desk = make_desk(folder)
    analysis_id, worker = desk.submit(desk.expert()), desk.worker()
    worker.fail(worker.claim(analysis_id), message="Key 'sk-1' is wrong,\n100% sure")
    desk.analyses.rerun(analysis_id, by=TRADER, reason="new key")
    desk.close()
    return analysis_id


def test_the_message_is_the_sentence_and_the_record_has_the_keys(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        get_logger("ba2_trade_platform.test").info("Cleared %s outputs, 100%% of them", 15, analysis=7)
        get_logger("ba2_trade_platform.test").debug("not wanted", analysis=8)
    (record,) = caplog.records
    assert record.getMessage() == "Cleared 15 outputs, 100% of them"
    assert (record.name, record.__dict__["analysis"]) == ("ba2_trade_platform.test", 7)
    assert not structlog.is_configured()


def test_the_file_has_plain_lines_unless_told_otherwise(tmp_path: Path) -> None:
    with logged(tmp_path / "console") as file:
        analysis_id = rerun_of_a_failure(tmp_path / "desk")
    lines = file.read_text().splitlines()
    assert any(line.endswith(f"Cleared 1 outputs and 0 recommendations for analysis {analysis_id}") for line in lines)
    failure = next(line for line in lines if "running -> failed" in line)
    assert " WARNING " in failure


def test_as_json_each_line_is_an_object_with_its_keys(tmp_path: Path) -> None:
    with logged(tmp_path / "console", log_format="json") as file:
        analysis_id = rerun_of_a_failure(tmp_path / "desk")
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("other").exception("It broke")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    failure = next(line for line in lines if "running -> failed" in line["message"])
    assert (failure["level"], failure["analysis"], failure["code"]) == ("warning", analysis_id, "AUTH")
    rerun = next(line for line in lines if line["message"].startswith("User re-running failed analysis"))
    assert (rerun["analysis"], rerun["attempt"], rerun["by"], rerun["previous_error"]) == (
        analysis_id, 2, "trader", "AUTH",
    )  # fmt: skip
    assert rerun["logger"] == "ba2_trade_platform.core.analyses.service"
    assert "T" in rerun["timestamp"]
    assert "ValueError: broken" in lines[-1]["exception"]


def test_a_page_that_waits_while_the_console_stops_is_no_error(tmp_path: Path) -> None:
    with logged(tmp_path) as file:
        for error in (
            ConsoleStoppingError("The console is stopping"),
            RuntimeError("No response returned."),
            OSError("x"),
        ):
            try:
                raise error
            except (ConsoleStoppingError, RuntimeError, OSError):
                logging.getLogger("nicegui").exception("A page failed: %s", type(error).__name__)
    said = [line for line in file.read_text().splitlines() if "A page failed" in line]
    assert len(said) == 1
    assert said[0].endswith("A page failed: OSError")
