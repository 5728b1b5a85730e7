"""Structured logging: each line a sentence for a person plus key-values that a program can filter by."""

from __future__ import annotations

import logging
import textwrap
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.stdlib import BoundLogger, PositionalArgumentsFormatter, filter_by_level, render_to_log_kwargs

from ba2_trade_platform.core.base.sanitizing import clean_json, clean_text

PROCESSORS = (filter_by_level, PositionalArgumentsFormatter(), render_to_log_kwargs)


def get_logger(name: str) -> BoundLogger:
    """Return a logger whose `log.warning(sentence, *arguments, key=value)` keeps the key-values on the record.

    The message is the sentence alone; `extra` carries the rest to whatever handler wants it. Nothing global is set.
    """
    logger: BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=PROCESSORS,
        wrapper_class=BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return logger


class LineFormatter(logging.Formatter):
    """One record, one line, with its traceback indented below: no text from outside can look like another record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Return the record's line, its newlines spelled out."""
        record.message = "\\n".join(clean_text(record.message).splitlines())
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        """Return a traceback, of which no line begins where a record begins."""
        return "\n".join(textwrap.indent(line, "  ") for line in clean_text(super().formatException(ei)).splitlines())


def clean_keys(_: Any, __: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Clean what a structured line says, as a structlog processor."""
    return {key: value if key.startswith("_") else clean_json(value) for key, value in said.items()}
