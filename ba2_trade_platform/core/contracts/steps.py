"""Current step: a context variable, so that a model call knows which step of an attempt it belongs to."""

from __future__ import annotations

import contextvars

step_name: contextvars.ContextVar[str | None] = contextvars.ContextVar("step_name", default=None)


def step_at_work() -> str | None:
    """Return the name of the step that the caller works for, None outside of one."""
    return step_name.get()
