"""Price dialog: a CSV file of model prices is looked at first, and imported by the button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import events, ui

from ba2_trade_platform.core.base.text_encodings import certain_text
from ba2_trade_platform.core.models.price_imports import MOST_CHARACTERS, PriceImport
from ba2_trade_platform.core.models.pricing import COLUMNS
from ba2_trade_platform.ui.kit.feedback import notify, off_loop
from ba2_trade_platform.ui.kit.form_dialog import FormDialog

Load = Callable[[str, bool], PriceImport]


def ask_prices(load: Load, done: Callable[[], Awaitable[None]]) -> None:
    """Ask for a file of prices; `load` is given its text and whether it is only to look."""
    file: dict[str, str] = {}

    async def given(event: events.UploadEventArguments) -> None:
        data = await event.file.read()
        upload.reset()

        async def take() -> None:
            file.pop("text", None)
            answer.set_text("")
            text = await off_loop(certain_text, data)
            answer.set_text((await off_loop(load, text, True)).sentence)
            file["text"] = text

        await dialog.attempt(take)
        dialog.button.set_enabled("text" in file)

    async def work() -> None:
        dialog.close((await off_loop(load, file["text"], False)).sentence)
        await done()

    dialog = FormDialog("Import prices of models", work, "act-import-prices", action="Import")
    dialog.button.disable()
    with dialog.body:
        ui.label(f"A CSV file with the columns {', '.join(COLUMNS)}; the last three may be left out.").classes(
            "ba2-muted"
        )
        upload = ui.upload(auto_upload=True, max_file_size=MOST_CHARACTERS, label="Choose a CSV file", on_upload=given)
        upload.props('accept=".csv,text/csv" flat bordered').classes("w-full").mark("price-file")
        upload.on("rejected", lambda: notify("A file of prices has 1 MB at most: part it", "warning"))
        answer = ui.label().props("role=status").mark("price-answer")
