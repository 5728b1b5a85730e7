"""Expert dialog: configures or changes an expert, and stays open until its settings are valid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.experts.instances import LIMITS, ExpertInfo, Instance
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop
from ba2_trade_platform.ui.kit.form_dialog import FormDialog, form_control
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
        self._dialog = FormDialog(
            f"Change {instance.alias}" if instance else "Add an expert", self._save, "save-expert"
        )
        with self._dialog.body:
            self._build()

    def _build(self) -> None:
        instance = self._instance
        with ui.element("div").classes("ba2-form"):
            alias = ui.input("Alias", value=instance.alias if instance else "")
            self._alias = form_control(alias, "Its name here", "alias", "maxlength=80 autofocus")
            names = [instance.expert] if instance else list(self._experts)
            self._expert = ui.select(names, label="Expert", value=names[0], on_change=self._build_settings)
            self._expert.props("outlined dense options-dense").set_enabled(instance is None)
            for name, (label, hint) in LIMIT_WORDS.items():
                low, high = LIMITS[name]
                value = getattr(instance, name) if instance else LIMIT_DEFAULTS[name]
                control = ui.number(label, value=value, min=low, max=high)
                self._limits[name] = form_control(control, f"{hint}. {low:g} to {high:g}", name)
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
        given: dict[str, Any] = {
            "settings": self._form.values() if self._form else None,
            "alias": self._alias.value or "",
            **{name: _limit(name, control.value) for name, control in self._limits.items()},
        }
        experts, by = self._desk.platform.experts, self._desk.trader
        if self._instance is None:
            instance = await off_loop(experts.create, self._expert.value, by=by, **given)
        else:
            instance = await off_loop(experts.update, self._instance.id, by=by, **given)
        self._dialog.close(f"{instance.alias} saved, settings revision {instance.revision}")
        await self._saved()


def _limit(name: str, value: float | None) -> float | int:
    label = LIMIT_WORDS[name][0]
    if value is None:
        raise Invalid(f"{label}: a number is needed")
    if name.endswith("_seconds"):
        return float(value)
    if float(value) != int(value):
        raise Invalid(f"{label}: a whole number is needed, not {value:g}")
    return int(value)
