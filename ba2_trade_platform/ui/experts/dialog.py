"""Expert dialog: configures, tries or changes an expert, and stays open until its settings are valid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nicegui import ui

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.errors import Invalid, PlatformError
from ba2_trade_platform.core.contracts.language_models import Tier
from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.core.experts.instances import LIMITS, ExpertInfo, Instance
from ba2_trade_platform.core.models.known_models import KnownModel
from ba2_trade_platform.ui.experts.model_picker import ModelPicker
from ba2_trade_platform.ui.experts.provider_picker import ProviderPicker
from ba2_trade_platform.ui.experts.trial_panel import TrialPanel, Tried
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop
from ba2_trade_platform.ui.kit.form_dialog import FormDialog, form_control, number_field
from ba2_trade_platform.ui.kit.schema_form import Picker, SchemaForm, SettingField

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


@dataclass(frozen=True)
class Choices:
    """What an expert's form lets choose from."""

    experts: Sequence[ExpertInfo]
    providers: Sequence[Provider]
    models: Sequence[KnownModel]
    symbols: Sequence[str]


def read_choices(platform: Platform) -> Choices:
    """Return what there is to choose from now; blocking."""
    watchlists = platform.instruments.watchlists
    symbols = {symbol for one in watchlists.list() for symbol in watchlists.symbols(one.id)}
    models = platform.models
    return Choices(platform.experts.experts(), models.providers.list(), models.known.list(), sorted(symbols))


class ExpertDialog:
    """Configures a new expert, or changes `instance`; stays open, with the reason, until what is in it is valid."""

    def __init__(
        self, desk: Desk, choices: Choices, instance: Instance | None, saved: Callable[[], Awaitable[None]]
    ) -> None:
        self._desk, self._choices, self._instance, self._saved = desk, choices, instance, saved
        self._experts = {info.name: info for info in choices.experts}
        self._limits: dict[str, ui.number] = {}
        self._form: SchemaForm | None = None
        title = f"Change {instance.alias}" if instance else "Add an expert"
        self._dialog = FormDialog(title, self._save, "save-expert", typed=self._typed, refused=self._complain)
        with self._dialog.body:
            self._build()
        self._trial = TrialPanel(desk, self._dialog, choices.symbols, self._tried)
        self._build_settings()

    def _build(self) -> None:
        instance = self._instance
        with ui.element("div").classes("ba2-form"):
            alias = ui.input("Alias", value=instance.alias if instance else "")
            self._alias = form_control(alias, "Its name here", "alias", "maxlength=80 autofocus")
            names = [instance.expert] if instance else list(self._experts)
            self._expert = ui.select(names, label="Expert", value=names[0], on_change=self._build_settings)
            self._expert.props("outlined dense options-dense").mark("expert").set_enabled(instance is None)
        self._top = ui.element("div")
        with self._top, ui.element("div").classes("ba2-form") as self._limits_box:
            for name, (label, hint) in LIMIT_WORDS.items():
                low, high = LIMITS[name]
                value = getattr(instance, name) if instance else LIMIT_DEFAULTS[name]
                control = number_field(label, value, low, high)
                self._limits[name] = form_control(control, f"{hint}. {low:g} to {high:g}", name)
                control.on_value_change(self._limit_changed)
        ui.label("Settings").classes("ba2-panel-title").props("role=heading aria-level=3")
        self._settings = ui.element("div").classes("ba2-stack")

    def _build_settings(self) -> None:
        info = self._experts.get(str(self._expert.value))
        self._limits_box.move(self._top)  # out of what is taken away
        self._settings.clear()
        self._form = None
        self._trial.allow(info is not None)
        with self._settings:
            if info is None:
                ui.label("This console does not ship this expert any more; its settings stay as they are.")
                return
            ui.label(info.description).classes("ba2-muted")
            values = self._instance.settings if self._instance else {}
            self._form = SchemaForm(info.settings_schema, values, self._pickers(), self._other_limits)
        if self._form.more is not None:
            self._limits_box.move(self._form.more)

    def _other_limits(self) -> int:
        return sum(control.value != LIMIT_DEFAULTS[name] for name, control in self._limits.items())

    def _limit_changed(self) -> None:
        if self._form is not None:
            self._form.count()

    def _pickers(self) -> dict[str, Picker]:
        choices, zone = self._choices, self._desk.zone
        chosen: list[ProviderPicker] = []

        def names() -> Sequence[str]:
            return chosen[0].raw if chosen else [provider.name for provider in choices.providers]

        def providers(field: SettingField, value: Any) -> ProviderPicker:
            chosen.append(ProviderPicker(choices.providers, field, value or ()))
            return chosen[0]

        def model(tier: Tier, field: SettingField, value: Any) -> ModelPicker:
            picker = ModelPicker(tier, choices.models, choices.providers, names, zone, field, value)
            for one in chosen:
                one.on_change(picker.follow)
            return picker

        return {
            "providers": providers,
            "quick_model": partial(model, "quick"),
            "deep_model": partial(model, "deep"),
        }

    def _typed(self) -> object:
        limits = {name: control.value for name, control in self._limits.items()}
        return self._alias.value, self._expert.value, limits, self._form.raw if self._form else None

    def _complain(self, error: PlatformError | None) -> None:
        """Show each part of a refusal at its field."""
        problems: dict[str, str] = {}
        for problem in error.details.get("fields", ()) if error else ():
            problems.setdefault(problem["field"].partition(".")[0], problem["message"])
        for name, control in self._limits.items():
            control.error = problems.get(name)
        if self._form is not None:
            self._form.complain(problems)
            if self._form.more is not None and self._limits.keys() & problems.keys():
                self._form.unfold()

    def _tried(self) -> Tried:
        settings = self._form.values() if self._form else {}
        limit = float(_limit("timeout_seconds", self._limits["timeout_seconds"].value))
        return Tried(str(self._expert.value), settings, self._instance.id if self._instance else None, limit)

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
        raise _wrong(name, f"{label}: a number is needed")
    if name.endswith("_seconds"):
        return float(value)
    if float(value) != int(value):
        raise _wrong(name, f"{label}: a whole number is needed, not {value:g}")
    return int(value)


def _wrong(name: str, sentence: str) -> Invalid:
    return Invalid(sentence, fields=[{"field": name, "message": sentence}])
