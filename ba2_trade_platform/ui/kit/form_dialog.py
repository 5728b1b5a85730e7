"""Form dialog: stays open, with the reason, until its form is valid, and asks before typed changes are lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.ui.kit.drafts import Draft
from ba2_trade_platform.ui.kit.feedback import confirm, notify

ControlT = TypeVar("ControlT", bound=ui.element)
# Enter picks from a list, opens a new line and presses buttons; those three stay what they are.
ENTER_IN_A_FIELD = """(event) => {
  const at = event.target;
  if (at.tagName === "INPUT" && !event.isComposing && !at.closest(".q-select")) emit();
}"""
# Quasar closes by the release of the key, and an open list first.
# Once what was folded away is open.
TO_THE_ERROR = """setTimeout(() => {
  const wrong = ".ba2-form-scroll .q-field--error, .ba2-form-scroll [role=alert]:not(:empty)";
  document.querySelector(wrong)?.scrollIntoView({block: "center"});
}, 350)"""
ESCAPE = """(event) => { if (!document.querySelector(".q-menu")) emit(); }"""


class FormDialog:
    """A form in `body` and a button below it, which Enter presses too.

    What `act` is refused stands in `foot`, above the button, and `refused` hears of it; `aside` stays in sight below
    the form. `typed` says what is in the form: Close and Esc ask before a change of it is lost.
    """

    def __init__(
        self,
        title: str,
        act: Callable[[], Awaitable[None]],
        marker: str,
        *,
        action: str = "Save",
        classes: str = "ba2-form-dialog",
        typed: Callable[[], object] | None = None,
        refused: Callable[[PlatformError | None], None] | None = None,
    ) -> None:
        self._act, self._typed, self._refused = act, typed or self._values, refused
        self._busy = False
        self._then: list[Callable[[], Awaitable[None]]] = []
        with ui.dialog().props("no-refocus persistent no-shake").mark("form-dialog") as self._dialog:
            with ui.card().classes(f"ba2-dialog {classes}") as card:
                ui.label(title).classes("ba2-dialog-title").props("role=heading aria-level=2")
                self.body = ui.element("div").classes("ba2-form-scroll")
                self.body.on("keydown.enter", self.act, js_handler=ENTER_IN_A_FIELD)
                self.aside = ui.element("div").classes("ba2-form-aside")
                with ui.element("div") as self.foot:
                    self._error = ui.label().classes("ba2-form-error").props("role=alert")
                self._draft = Draft(card, title)
                with ui.row().classes("w-full justify-end"):
                    ui.button("Close", on_click=self.leave, color=None).props("flat no-caps").mark("close-form")
                    self.button = ui.button(action, on_click=self.act).props("unelevated no-caps color=primary")
                    self.button.mark(marker)
            self._untouched: object = None
            ui.timer(0, self.keep, once=True)  # once the caller has filled it
        self._dialog.on("keyup.escape", self.leave, js_handler=ESCAPE)
        self._dialog.on("hide", self._hidden)
        self._dialog.open()

    @property
    def is_gone(self) -> bool:
        """Whether it was closed, or its page left."""
        return self._dialog.is_deleted or not self._dialog.value

    def keep(self) -> None:
        """Take what is in the form now for unchanged."""
        self._untouched = self._typed()

    def on_gone(self, handler: Callable[[], Awaitable[None]]) -> None:
        """Call this once it is closed, or its tab is."""
        self._then.append(handler)
        ui.context.client.on_delete(handler)

    async def act(self) -> None:
        """Do what the button does; what it left in the form was heard and is no loss, and its draft is no more."""
        if await self.attempt(self._act):
            self._draft.forget()
            if not self.is_gone:
                self.keep()

    async def attempt(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do something, show why where it is refused, and tell whether it was done; not twice at once."""
        if self._busy:
            return False
        self._busy = True
        self.forget_error()
        self.button.disable()
        done = False
        try:
            await work()
            done = True
        except PlatformError as error:
            self._error.set_text(str(error))
            self._hear(error)
            ui.run_javascript(TO_THE_ERROR)
        finally:
            self._busy = False
        if not self.is_gone:
            self.button.enable()
        return done

    def forget_error(self) -> None:
        """Take away the reason of a refusal."""
        self._error.set_text("")
        self._hear(None)

    async def leave(self) -> None:
        """Close it; ask first where something would be lost."""
        if self.is_gone:
            return
        if self._typed() == self._untouched:
            self.close()
            return
        question, lost = "Leave without saving?", "What was changed in this form is lost."
        await confirm(question, lost, "Leave", self._close, keep="Go on editing")

    def close(self, sentence: str | None = None) -> None:
        """Close it, and say what came of it."""
        self._dialog.close()
        if sentence:
            notify(sentence)

    async def _hidden(self) -> None:
        for handler in self._then:  # before its elements are gone, in whose place they work
            await handler()
        self._dialog.delete()

    async def _close(self) -> None:
        self._draft.forget()
        self.close()

    def _hear(self, error: PlatformError | None) -> None:
        if self._refused is not None:
            self._refused(error)

    def _values(self) -> list[Any]:
        fields = (ValidationElement, ui.switch, ui.checkbox, ui.toggle, ui.radio)
        return [element.value for element in self.body.descendants() if isinstance(element, fields)]


def form_control(control: ControlT, hint: str, marker: str, props: str = "") -> ControlT:
    """Give a control the look of a form's, with a hint below it, and return it."""
    control.props(f"outlined dense {props}").mark(marker).props["hint"] = hint
    return control


def number_field(
    label: str, value: float | None = None, low: float | None = None, high: float | None = None
) -> ui.number:
    """Build a field for a number; the browser knows its bounds, and what is outside of them stays and is refused.

    NiceGUI's own bounds would change what was typed as soon as the field is left, without a word.
    """
    field = ui.number(label, value=value)
    for name, bound in (("min", low), ("max", high)):
        if bound is not None:
            field.props[f":{name}"] = f"{bound:g}"
    return field
