"""Drafts: keep the typed text of a form in the browser until it is saved or discarded (static/kit/drafts.js)."""

from __future__ import annotations

from nicegui import ui

# The prop of a field that is never kept; fields of passwords are not anyway.
NO_DRAFT = "data-no-draft"


class Draft:
    """The draft of a form: restored, with a note, where a page that is loaded anew shows the form again."""

    def __init__(self, form: ui.element, name: str) -> None:
        """Keep what is typed into `form`, by `name`, and put the note at its end."""
        self._form = form
        form.props["data-draft"] = name
        with form, ui.row().classes("ba2-draft-note").props("role=status"):
            ui.icon("history_edu").props("aria-hidden=true")
            ui.label("Your draft is restored: what you typed. Look at what is chosen.")
            ui.button("Discard", color=None).props("flat dense no-caps size=sm data-draft-discard")

    def forget(self) -> None:
        """Keep it no longer: it was saved, or what it is about is over."""
        self._form.client.run_javascript(f"window.ba2ForgetDraft?.('c{self._form.id:d}')")


def kept_drafts() -> None:
    """Build the banner that names forms which were open, with something typed, when the page was loaded anew."""
    with ui.element("div").classes("ba2-banner ba2-gone").props("role=status data-draft-kept"):
        ui.icon("history_edu", size="18px")
        ui.label("What you typed is kept; open it again to go on:")
        ui.element("span").props("data-draft-names")
        ui.button("Discard", color=None).props("flat dense no-caps size=sm data-draft-discard-kept").classes("ba2-link")
