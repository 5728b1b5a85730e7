"""Drafts: keep the contents of a form in the browser until it is saved or discarded (static/kit/drafts.js)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from copy import copy
from typing import Any

from nicegui import events, ui
from nicegui.elements.choice_element import ChoiceElement
from nicegui.elements.mixins.value_element import ValueElement

# The prop of a field that is never kept; fields of passwords are not anyway.
NO_DRAFT = "data-no-draft"
CHOICES = (ChoiceElement, ui.checkbox, ui.switch)


class Draft:
    """The draft of a form: restored, with a note, where a page that is loaded anew shows the form again.

    The browser knows what is typed, this what is chosen: it tells the browser of each change, and chooses again what
    the browser kept, as far as it can still be chosen.
    """

    def __init__(self, form: ui.element, name: str) -> None:
        """Keep what is typed and chosen in `form`, by `name`, and put the note at its end."""
        self._form = form
        self._before: dict[int, Any] = {}
        self._kept: Mapping[str, Any] = {}
        form.props["data-draft"] = name
        form.on("draft", self._look, args=["detail"])
        with form, ui.row().classes("ba2-draft-note").props("role=status"):
            ui.icon("history_edu").props("aria-hidden=true")
            ui.label("Your draft is restored: look at what it has.")
            ui.button("Discard", color=None).props("flat dense no-caps size=sm data-draft-discard")

    def forget(self) -> None:
        """Keep it no longer: it was saved, or what it is about is over."""
        self._kept = {}
        self._before = {control.id: copy(control.value) for control in self._controls().values()}
        self._form.client.run_javascript(f"window.ba2ForgetDraft?.('c{self._form.id:d}')")

    def _look(self, event: events.GenericEventArguments) -> None:
        """Choose what was kept, in controls that are new to this; without a word of it, what was there before."""
        kept = event.args.get("detail")
        if isinstance(kept, Mapping):
            self._kept = {**self._kept, **kept}
        controls, wanted = self._controls(), self._kept
        if kept is None:
            for control in controls.values():
                control.set_value(copy(self._before.get(control.id, control.value)))
            self.forget()
            return
        fresh = {name: control for name, control in controls.items() if control.id not in self._before}
        for control in fresh.values():  # all are known before the first changes, for each change keeps them all
            self._before[control.id] = copy(control.value)
            control.on_value_change(self._keep)
        for name, control in fresh.items():
            if name in wanted and _can_be(control, wanted[name]):
                control.set_value(wanted[name])

    def _keep(self) -> None:
        """Have the browser keep what is chosen, and what waits for a control that is not there yet."""
        controls = self._controls()
        chosen = {name: value for name, value in self._kept.items() if name not in controls}
        for name, control in controls.items():
            if control.id in self._before and control.value != self._before[control.id]:
                chosen[name] = control.value
        self._kept = chosen
        words = json.dumps(chosen)
        self._form.client.run_javascript(f"window.ba2KeepChoices?.('c{self._form.id:d}', {words})")

    def _controls(self) -> dict[str, Any]:
        """Return the controls by what they are called, and how many of that name came before."""
        seen: Counter[str] = Counter()
        found = {}
        for control in self._form.descendants():
            if isinstance(control, CHOICES) and isinstance(control, ValueElement) and NO_DRAFT not in control.props:
                words = (control.props.get("label"), control.props.get("aria-label"), getattr(control, "text", None))
                name = str(next(filter(None, words), ""))
                seen[name] += 1
                found[f"{name} {seen[name]}"] = control
        return found


def _can_be(control: Any, value: Any) -> bool:
    if not isinstance(control, ChoiceElement):
        return isinstance(value, bool)
    return all(each in control.options for each in (value if isinstance(value, list) else [value]))


def kept_drafts() -> None:
    """Build the banner that names forms which were open, with something in them, when the page was loaded anew."""
    with ui.element("div").classes("ba2-banner ba2-gone").props("role=status data-draft-kept"):
        ui.icon("history_edu", size="18px")
        ui.label("What you entered is kept; open it again to go on:")
        ui.element("span").props("data-draft-names")
        ui.button("Discard", color=None).props("flat dense no-caps size=sm data-draft-discard-kept").classes("ba2-link")
