"""Help dialog: lists the keys, and lets the trader choose the zone that times are shown in."""

from __future__ import annotations

from zoneinfo import available_timezones

from nicegui import app, ui
from nicegui.events import KeyEventArguments

from ba2_trade_platform.settings import Settings
from ba2_trade_platform.ui.kit.feedback import notify
from ba2_trade_platform.ui.kit.panels import icon_button

KEYS = (
    ("j / k", "Next or previous row"),
    ("Enter", "Open the row's details"),
    ("r", "Re-run the row, if it failed"),
    ("space", "Tick the row, for a bulk re-run; with shift all rows since the last tick"),
    ("Esc", "Untick everything"),
    ("x", "Close the details"),
    ("/", "Search the error texts"),
    ("?", "This help"),
)


def help_dialog() -> None:
    """Add the help button and its dialog, which `?` opens too."""
    with ui.dialog() as dialog, ui.card().classes("ba2-dialog"):
        ui.label("Keys and verbs").classes("ba2-dialog-title")
        with ui.grid(columns="auto 1fr").classes("items-center").style("gap: 6px 14px"):
            for key, meaning in KEYS:
                ui.label(key).classes("ba2-kbd")
                ui.label(meaning)
        ui.separator()
        ui.markdown(
            "**Re-run**: the same failed analysis again, under the same number; what it had written is archived.  \n"
            "**Run again**: a new analysis like a finished one.  \n"
            "**Cancel**: stops what waits or runs."
        )
        ui.link("API documentation", "/docs", new_tab=True).classes("ba2-link")
        ui.button("Close", color=None, on_click=dialog.close).props("flat no-caps").classes("self-end")
    icon_button("help_outline", "Help", dialog.open, "Help and keys (?)")

    def on_key(event: KeyEventArguments) -> None:
        if event.action.keydown and str(event.key) == "?":
            dialog.open()

    ui.keyboard(on_key=on_key, repeating=False)


def show_zone_menu(settings: Settings) -> None:
    """Add the menu that chooses whether times are shown in the desk's zone or in the browser's."""

    async def browsers() -> None:
        zone = await ui.run_javascript("Intl.DateTimeFormat().resolvedOptions().timeZone")
        _choose(str(zone))

    with icon_button("public", "Time zone"), ui.menu():
        ui.menu_item(f"Desk: {settings.zone.key}", lambda: _choose(None))
        ui.menu_item("This browser's", browsers)
        ui.menu_item("UTC", lambda: _choose("UTC"))


def _choose(zone: str | None) -> None:
    if zone is not None and zone not in available_timezones():
        notify(f"This browser's time zone {zone[:60]} is unknown here; times stay as they are", "warning")
        return
    app.storage.user["zone"] = zone
    ui.navigate.reload()
