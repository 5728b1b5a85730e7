"""File dialog: looks through a list file, offers encodings and columns where they are not certain, then imports it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import events, ui

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.base.text_encodings import MOST_BYTES
from ba2_trade_platform.core.instruments.list_files import ListFile
from ba2_trade_platform.core.instruments.symbol_parsing import FileReading, ImportResult, Report
from ba2_trade_platform.ui.kit.feedback import notify, off_loop
from ba2_trade_platform.ui.kit.form_dialog import form_control
from ba2_trade_platform.ui.watchlists.dialogs import Work, list_dialog, show_report, unknown_too

Read = Callable[[ListFile, bool, bool], Report]


def ask_file(title: str, hint: str, read: Read, done: Work, *, lists: bool) -> None:
    """Ask for a file: first shown how it is read and what would become of each line, then written by the button.

    `read` is given the file, whether unknown symbols are taken too, and whether it is only to look.
    """
    FileDialog(read, done).open(title, hint, lists=lists)


class FileDialog:
    """The file, what was chosen of it, and what would become of it."""

    def __init__(self, read: Read, done: Work) -> None:
        self._read, self._done = read, done
        self._data: bytes | None = None
        self._looked: tuple[ListFile, bool] | None = None

    def open(self, title: str, hint: str, *, lists: bool) -> None:
        """Show the dialog."""
        self._dialog = list_dialog(title, "Import", self._import)
        self._dialog.button.disable()
        with self._dialog.body:
            ui.label(hint).classes("ba2-muted")
            self._upload = ui.upload(auto_upload=True, max_file_size=MOST_BYTES, label="Choose a file")
            self._upload.on_upload(self._given)
            self._upload.props('accept=".csv,.txt,.tsv,text/csv,text/plain" flat bordered').classes("w-full").mark(
                "file"
            )
            too_large = f"A file has {MOST_BYTES // 1_000_000} MB at most: part it"
            self._upload.on("rejected", lambda: notify(too_large, "warning"))
            with ui.element("div").classes("ba2-form"):
                self._encoding = ui.select({}, label="Encoding", on_change=self._look_again)
                form_control(self._encoding, "As the names read right", "encoding", "options-dense")
                self._column = ui.select([], label="Column of symbols", on_change=self._look_again)
                form_control(self._column, "The one that holds the symbols", "column", "options-dense")
            self._unknown = unknown_too()
            self._unknown.on_value_change(self._look_again).set_visibility(lists)
            self._doubtful = ui.checkbox("Also lines that may be cash, currencies or words of the file")
            self._doubtful.props("dense").mark("doubtful").on_value_change(self._look_again)
            self._answer = ui.element("div").classes("w-full").props("role=status")
        self._offer(None)

    def _file(self) -> ListFile:
        return ListFile(self._data or b"", self._encoding.value, self._column.value, bool(self._doubtful.value))

    async def _given(self, event: events.UploadEventArguments) -> None:
        self._data = await event.file.read()
        self._upload.reset()
        self._looked = None
        self._offer(None)
        await self._look_again()

    async def _look_again(self) -> None:
        """Look through the file, unless what is chosen now is what was offered by the last look."""
        if self._data is not None and self._looked != (self._file(), bool(self._unknown.value)):
            await self._dialog.attempt(self._look)

    async def _look(self) -> None:
        self._looked = file, unknown = self._file(), bool(self._unknown.value)
        self._answer.clear()
        try:
            report = await off_loop(self._read, file, unknown, True)
        except PlatformError as error:
            self._fill(self._column, error.details.get("columns", []), file.column)
            raise
        if self._looked != (file, unknown):
            return  # something else was chosen meanwhile
        self._offer(report.reading)
        self._looked = self._file(), unknown
        self._answer.clear()
        with self._answer:
            if report.reading:
                ui.label(report.reading.sentence).mark("reading")
            show_report(report)
        asked = report.count(ImportResult.ASKED)
        self._doubtful.set_visibility(bool(asked) or bool(self._doubtful.value))

    def _offer(self, reading: FileReading | None) -> None:
        """Show the choices that a file leaves: none unless there are several."""
        candidates = reading.candidates if reading else ()
        encodings = {one.encoding: f"{one.encoding}: {one.sample}" for one in candidates}
        chosen = reading.encoding if reading and candidates else None
        self._fill(self._encoding, encodings, chosen)
        self._fill(self._column, reading.columns if reading else (), reading.column if reading else None)
        self._doubtful.set_visibility(False)

    def _fill(self, choice: ui.select, options: dict[str, str] | Sequence[str], value: str | None) -> None:
        names = options if isinstance(options, dict) else list(dict.fromkeys(options))
        if value and value not in names:
            names = {**options, value: value} if isinstance(options, dict) else [*dict.fromkeys(options), value]
        choice.set_options(names, value=value)
        choice.set_visibility(len(names) > 1)

    async def _import(self) -> None:
        report = await off_loop(self._read, self._file(), bool(self._unknown.value), False)
        self._dialog.close(report.sentence)
        await self._done()
