"""Elements of pages that tests of several rooms look at: the job table, and lines that open."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from nicegui.testing import User

from tests.eventually import eventually


def table(user: User) -> ui.table:
    """Return the page's table."""
    (found,) = user.find(ui.table).elements
    return found


async def click_through(user: User, **which: Any) -> None:
    """Click an element that leads to another page, and be there: the framework opens that page in a task of its own.

    A test that opened a page itself meanwhile would be taken away from it again.
    """
    left = user.client
    user.find(**which).click()
    await eventually(lambda: user.client is not left)


def shown(user: User, analysis_id: int) -> dict[str, Any]:
    """Return a line of the table."""
    return next((line for line in table(user).rows if line["id"] == analysis_id), {})


def fold(user: User, key: str) -> ui.expansion:
    """Return the line that opens."""
    (found,) = user.find(marker=key).elements
    assert isinstance(found, ui.expansion)
    return found


def unfold(user: User, key: str) -> None:
    """Open the line."""
    with user:
        fold(user, key).open()


def control(user: User, marker: str) -> Any:
    """Return one control of a form."""
    (found,) = user.find(marker=marker).elements
    return found


def put(user: User, marker: str, value: Any) -> None:
    """Put a value into a control."""
    with user:
        control(user, marker).set_value(value)
