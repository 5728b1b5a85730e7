"""Feedback: reports every outcome one way, as a toast with the service's own sentence."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, ParamSpec, TypeVar

from nicegui import run, ui

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.ui.kit.drafts import Draft

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class ConsoleStoppingError(PlatformError):
    """The console was told to stop while a page waited for a service."""


def notify(sentence: str, tone: str = "positive", *, link: tuple[str, str] | None = None) -> None:
    """Show a sentence; the newest of each tone, with a count, instead of a pile that hides the page.

    `link`: words and address of a link behind the sentence.
    """
    seconds = 4 if tone == "positive" and link is None else 8
    said = f'{escape(sentence)} <a href="{escape(link[1])}">{escape(link[0])}</a>' if link else sentence
    how: Any = {"type": tone, "group": f"ba2-{tone}", "timeout": 1000 * seconds, "html": link is not None}
    ui.notify(said, position="top-right", **how)


@contextmanager
def reporting() -> Iterator[None]:
    """Show what a service refuses, or what went wrong, as a sentence instead of an error page."""
    try:
        yield
    except ConsoleStoppingError:
        log.debug("A page asked for something while the console stopped")  # and may be gone itself
    except PlatformError as error:
        notify(str(error), error.tone)


async def off_loop(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking service call off the page's loop; raises ConsoleStoppingError when the console is stopping."""
    results: list[T] = []
    await run.io_bound(lambda: results.append(work(*args, **kwargs)))
    if not results:
        raise ConsoleStoppingError("The console is stopping")
    return results[0]


async def carry_out(
    verb: Callable[[], T], sentence: str | Callable[[T], str], then: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Have a service's verb done off the loop and say what came of it; `then` follows, done or refused.

    `sentence` may be made of what the verb returns.
    """
    with reporting():
        done = await off_loop(verb)
        notify(sentence if isinstance(sentence, str) else sentence(done))
    if then is not None:
        await then()


async def answer_of(dialog: ui.dialog) -> Any:
    """Wait for the answer and take the dialog away; None when its page was left while it asked."""
    answer = await dialog
    if not dialog.is_deleted:
        dialog.delete()
    return answer


async def confirm(
    question: str, consequence: str, action: str, then: Callable[[], Awaitable[None]], *, keep: str = "Keep it"
) -> None:
    """Ask before something that cannot be undone; `action` is the word on the button, `keep` that on the other."""
    with ui.dialog() as dialog, ui.card().classes("ba2-dialog"):
        ui.label(question).classes("ba2-dialog-title")
        ui.label(consequence)
        with ui.row().classes("w-full justify-end"):
            ui.button(keep, color=None, on_click=lambda: dialog.submit(False)).props("flat no-caps autofocus")
            ui.button(action, on_click=lambda: dialog.submit(True)).props("unelevated no-caps color=red-9")
    if await answer_of(dialog):
        await then()


async def ask_reason(question: str, consequence: str, action: str = "Acknowledge") -> str | None:
    """Ask for a reason that may be left out; None when the trader thought better of it."""
    with ui.dialog() as dialog, ui.card().classes("ba2-dialog") as card:
        ui.label(question).classes("ba2-dialog-title")
        ui.label(consequence)
        reason = ui.input("Reason, if you like").props("outlined dense autofocus maxlength=500").classes("w-full")
        reason.mark("reason").on("keydown.enter", lambda: dialog.submit(True))
        with ui.row().classes("w-full justify-end"):
            ui.button("Not now", color=None, on_click=lambda: dialog.submit(False)).props("flat no-caps")
            ui.button(action, on_click=lambda: dialog.submit(True)).props("unelevated no-caps").mark("confirm-reason")
        draft = Draft(card, question)
    if not await answer_of(dialog):
        return None
    draft.forget()
    return reason.value or ""
