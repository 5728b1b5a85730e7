"""Expert dialog: configures or changes an expert, and stays open until its settings are valid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.base.errors import Invalid, PlatformError
from ba2_trade_platform.core.experts.instances import LIMITS, ExpertInfo, Instance
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop
from ba2_trade_platform.ui.kit.schema_form import SchemaForm

LIMIT_WORDS = {
    "max_concurrent": ("At once", "How many of its analyses run at the same time"),
    "timeout_seconds": ("Time limit, seconds", "How long one attempt may take"),
    "max_reruns": ("Re-runs", "Re-runs by persons, shown as re-run 1/3; more need an override with a reason"),
    "max_retries": ("Retries", "How often a transient failure is retried by itself, anew for each re-run"),
    "retry_base_seconds": ("Back-off, seconds", "The longest wait before the first retry; it doubles with each"),
    "retry_cap_seconds": ("Longest back-off, seconds", "No retry waits longer, unless its provider asks for it"),
}
LIMIT_DEFAULTS = {
    "max_concurrent": 4, "timeout_seconds": 600, "max_reruns": 3, "max_retries": 2,
    "retry_base_seconds": 5, "retry_cap_seconds": 300,
}  # fmt: skip


class ExpertDialog:
    """Configures a new expert, or changes `instance`; stays open, with the reason, until what is in it is valid."""

    def __init__(
        self, desk: Desk, experts: Sequence[ExpertInfo], instance: Instance | None, saved: Callable[[], Awaitable[None]]
    ) -> None:
        self._desk, self._instance, self._saved = desk, instance, saved
        self._experts = {info.name: info for info in experts}
        self._limits: dict[str, ui.number] = {}
        self._form: SchemaForm | None = None
        with ui.dialog().props("no-refocus") as self._dialog, ui.card().classes("ba2-dialog ba2-form-dialog"):
            title = f"Change {instance.alias}" if instance else "Add an expert"
            ui.label(title).classes("ba2-dialog-title").props("role=heading aria-level=2")
            with ui.element("div").classes("ba2-form-scroll"):
                self._build()
            self._error = ui.label().classes("ba2-form-error").props("role=alert")
            with ui.row().classes("w-full justify-end"):
                ui.button("Close", on_click=self._dialog.close, color=None).props("flat no-caps")
                self._save_button = ui.button("Save", on_click=self._save).props("unelevated no-caps color=primary")
                self._save_button.mark("save-expert")
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.open()

    def _build(self) -> None:
        instance = self._instance
        names = list(self._experts)
        with ui.element("div").classes("ba2-form"):
            self._alias = ui.input("Alias", value=instance.alias if instance else "")
            self._alias.props("outlined dense maxlength=80 autofocus").mark("alias").props["hint"] = "Its name here"
            chosen = instance.expert if instance else names[0]
            self._expert = ui.select(names if not instance else [chosen], label="Expert", value=chosen)
            self._expert.props("outlined dense options-dense").on_value_change(lambda _: self._build_settings())
            self._expert.set_enabled(instance is None)
            for name, (label, hint) in LIMIT_WORDS.items():
                value = getattr(instance, name) if instance else LIMIT_DEFAULTS[name]
                low, high = LIMITS[name]
                control = ui.number(label, value=value, min=low, max=high).props("outlined dense").mark(name)
                control.props["hint"] = f"{hint}. {low:g} to {high:g}"
                self._limits[name] = control
        ui.label("Settings").classes("ba2-panel-title").props("role=heading aria-level=3")
        self._settings = ui.element("div")
        self._build_settings()

    def _build_settings(self) -> None:
        info = self._experts.get(str(self._expert.value))
        self._settings.clear()
        with self._settings:
            if info is None:
                ui.label("This console does not ship this expert any more; its settings stay as they are.")
                return
            ui.label(info.description).classes("ba2-muted")
            values = self._instance.settings if self._instance else {}
            self._form = SchemaForm(info.settings_schema, values)

    async def _save(self) -> None:
        self._save_button.disable()
        try:
            instance = await self._write()
        except PlatformError as error:
            self._error.set_text(str(error))
            self._save_button.enable()
            return
        self._dialog.close()
        notify(f"{instance.alias} saved, settings revision {instance.revision}")
        await self._saved()

    async def _write(self) -> Instance:
        settings = self._form.values() if self._form else None
        given: dict[str, Any] = {name: _limit(name, control.value) for name, control in self._limits.items()}
        experts, by = self._desk.platform.experts, self._desk.trader
        if self._instance is None:
            return await off_loop(experts.create, self._expert.value, self._alias.value or "", settings, by=by, **given)
        given["alias"] = self._alias.value or ""
        return await off_loop(experts.update, self._instance.id, by=by, settings=settings, **given)


def _limit(name: str, value: float | None) -> float | int:
    label = LIMIT_WORDS[name][0]
    if value is None:
        raise Invalid(f"{label}: a number is needed")
    if name.endswith("_seconds"):
        return float(value)
    if float(value) != int(value):
        raise Invalid(f"{label}: a whole number is needed, not {value:g}")
    return int(value)
