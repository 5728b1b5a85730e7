"""Form dialog: stays open, with the reason, until its form is valid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from nicegui import ui

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.ui.kit.feedback import notify

ControlT = TypeVar("ControlT", bound=ui.element)


class FormDialog:
    """A form in `body` and a button below it; what `act` is refused stands in `foot`, above the button."""

    def __init__(
        self,
        title: str,
        act: Callable[[], Awaitable[None]],
        marker: str,
        *,
        action: str = "Save",
        classes: str = "ba2-form-dialog",
    ) -> None:
        self._act = act
        with ui.dialog().props("no-refocus") as self._dialog, ui.card().classes(f"ba2-dialog {classes}"):
            ui.label(title).classes("ba2-dialog-title").props("role=heading aria-level=2")
            self.body = ui.element("div").classes("ba2-form-scroll")
            with ui.element("div") as self.foot:
                self._error = ui.label().classes("ba2-form-error").props("role=alert")
            with ui.row().classes("w-full justify-end"):
                ui.button("Close", on_click=self._dialog.close, color=None).props("flat no-caps")
                self.button = ui.button(action, on_click=self.act).props("unelevated no-caps color=primary")
                self.button.mark(marker)
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.open()

    @property
    def is_gone(self) -> bool:
        """Whether it was closed, or its page left."""
        return self._dialog.is_deleted or not self._dialog.value

    async def act(self) -> None:
        """Do what the button does."""
        await self.attempt(self._act)

    async def attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something, and show why where it is refused."""
        self.forget_error()
        self.button.disable()
        try:
            await work()
        except PlatformError as error:
            self._error.set_text(str(error))
        if not self.is_gone:
            self.button.enable()

    def forget_error(self) -> None:
        """Take away the reason of a refusal."""
        self._error.set_text("")

    def close(self, sentence: str | None = None) -> None:
        """Close it, and say what came of it."""
        self._dialog.close()
        if sentence:
            notify(sentence)


def form_control(control: ControlT, hint: str, marker: str, props: str = "") -> ControlT:
    """Give a control the look of a form's, with a hint below it, and return it."""
    control.props(f"outlined dense {props}").mark(marker).props["hint"] = hint
    return control
