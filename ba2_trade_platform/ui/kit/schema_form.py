"""Schema form: a settings form made from an expert's JSON schema, so that no expert needs a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.ui.kit.form_dialog import number_field

Kind = Literal["boolean", "integer", "number", "choice", "text", "names", "json"]
NONE = ""


@dataclass(frozen=True)
class SettingField:
    """One setting: what it is called, what it may be, and what it is when nothing is said.

    `basic`: one of the few that most need; `picker` names what it is chosen from.
    """

    name: str
    title: str
    description: str
    kind: Kind
    optional: bool
    default: Any = None
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    basic: bool = False
    picker: str | None = None

    @property
    def hint(self) -> str:
        """What to show below the field: its meaning and its bounds."""
        low, high = self.minimum, self.maximum
        bounds = ""
        if low is not None and high is not None:
            bounds = f"{low:g} to {high:g}"
        elif low is not None or high is not None:
            bounds = f"At least {low:g}" if low is not None else f"At most {high:g}"
        said = bounds.lower() in self.description.lower()
        return ". ".join(part for part in (self.description, "" if said else bounds) if part)


class FieldControl(Protocol):
    """The control of one field."""

    @property
    def raw(self) -> Any:
        """What is in it, whether it makes sense or not."""

    def read(self) -> Any:
        """Return its value as JSON; raises Invalid with a sentence."""

    def complain(self, sentence: str | None) -> None:
        """Show what is wrong with it, None for nothing."""

    def on_change(self, heard: Callable[[], object]) -> None:
        """Call this whenever its value changes."""


Picker = Callable[[SettingField, Any], FieldControl]


def fields_of(schema: Mapping[str, Any]) -> list[SettingField]:
    """Return the fields of an object's JSON schema as pydantic writes it; what is not known becomes a JSON field."""
    return [_field(name, part, schema.get("$defs", {})) for name, part in schema.get("properties", {}).items()]


def _field(name: str, part: Mapping[str, Any], definitions: Mapping[str, Any]) -> SettingField:
    outer = _resolved(part, definitions)
    options = [_resolved(option, definitions) for option in outer.get("anyOf", ())]
    several = [option for option in options if option.get("type") != "null"]
    inner = {**outer, **several[0]} if len(several) == 1 else outer
    choices = tuple(inner.get("enum", ())) or ((inner["const"],) if "const" in inner else ())
    return SettingField(
        name=name,
        title=str(outer.get("title") or name),
        description=str(outer.get("description") or ""),
        kind=_kind(inner, choices),
        optional=len(several) < len(options),
        default=outer.get("default"),
        choices=choices,
        minimum=inner.get("minimum", inner.get("exclusiveMinimum")),
        maximum=inner.get("maximum", inner.get("exclusiveMaximum")),
        basic=bool(outer.get("basic")),
        picker=outer.get("picker"),
    )


def _kind(part: Mapping[str, Any], choices: tuple[Any, ...]) -> Kind:
    if choices:
        return "choice"
    if part.get("type") == "array" and part.get("items", {}).get("type") == "string":
        return "names"
    kinds: dict[str, Kind] = {"boolean": "boolean", "integer": "integer", "number": "number", "string": "text"}
    return kinds.get(str(part.get("type")), "json")


def _resolved(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = part.get("$ref") or next((option.get("$ref") for option in part.get("allOf", ())), None)
    if reference is None:
        return part
    return {**definitions.get(str(reference).rsplit("/", 1)[-1], {}), **part}


class SchemaForm:
    """The controls of a schema's fields, filled with values; `pickers` make those of fields that name one.

    Where some fields are basic, the others are folded away: `more` is there for what else belongs behind the fold,
    `differ_too` says how much of that is not as by default.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        values: Mapping[str, Any],
        pickers: Mapping[str, Picker] | None = None,
        differ_too: Callable[[], int] = lambda: 0,
    ) -> None:
        self._fields = {field.name: field for field in fields_of(schema)}
        self._pickers = pickers or {}
        self._controls: dict[str, FieldControl] = {}
        self.more: ui.element | None = None
        self._differ_too = differ_too
        basic = [field for field in self._fields.values() if field.basic]
        self._folded = [field for field in self._fields.values() if basic and not field.basic]
        # Switches are lower than fields: among them they would leave holes.
        self._build(sorted(basic, key=_is_switch) or list(self._fields.values()), values)
        if self._folded:
            with ui.expansion("More settings").props("dense").classes("ba2-fold").mark("more-settings") as self._fold:
                self._build(sorted(self._folded, key=_is_switch), values)
                self.more = ui.element("div")
            for field in self._folded:
                self._controls[field.name].on_change(self.count)
            self.count()
        if not self._fields:
            ui.label("This expert has no settings.").classes("ba2-muted")

    @property
    def raw(self) -> dict[str, Any]:
        """What is in the form, whether it makes sense or not."""
        return {name: control.raw for name, control in self._controls.items()}

    def values(self) -> dict[str, Any]:
        """Return what is in the form, as JSON; raises Invalid with the problem of each field in `fields`."""
        values, problems = {}, []
        for name, control in self._controls.items():
            try:
                values[name] = control.read()
            except Invalid as error:
                problems.append({"field": name, "message": str(error)})
        if problems:
            raise Invalid("; ".join(problem["message"] for problem in problems), fields=problems)
        return values

    def complain(self, problems: Mapping[str, str]) -> None:
        """Show at each field what is wrong with it, and at no other; one that is folded away is unfolded."""
        for name, control in self._controls.items():
            control.complain(problems.get(name))
        if any(field.name in problems for field in self._folded):
            self.unfold()

    def unfold(self) -> None:
        """Show what is folded away, where something is."""
        if self._folded:
            self._fold.open()

    def _build(self, fields: list[SettingField], values: Mapping[str, Any]) -> None:
        with ui.element("div").classes("ba2-form"):
            for field in fields:
                value = values.get(field.name, field.default)
                pick = self._pickers.get(field.picker or "")
                self._controls[field.name] = pick(field, value) if pick else PlainControl(field, value)

    def count(self) -> None:
        """Say beside the fold how much behind it is not as by default."""
        if not self._folded:
            return
        differ = sum(_differs(self._controls[field.name], field) for field in self._folded) + self._differ_too()
        words = f"{differ} differ" if differ != 1 else "1 differs"
        self._fold.props["caption"] = f"{words} from the default" if differ else "all as by default"


def _is_switch(field: SettingField) -> bool:
    return field.kind == "boolean"


def _differs(control: FieldControl, field: SettingField) -> bool:
    try:
        return bool(control.read() != field.default)
    except Invalid:
        return True


class PlainControl:
    """A control of the browser's usual kinds."""

    def __init__(self, field: SettingField, value: Any) -> None:
        self._field = field
        self._control = _control(field, value)

    @property
    def raw(self) -> Any:
        """What is in it."""
        return self._control.value

    def read(self) -> Any:
        """Return its value as JSON; raises Invalid for a JSON field that is none."""
        return _value(self._field, self._control.value)

    def complain(self, sentence: str | None) -> None:
        """Show what is wrong with it below it; a switch cannot be wrong."""
        if isinstance(self._control, ValidationElement):
            self._control.error = sentence

    def on_change(self, heard: Callable[[], object]) -> None:
        """Call this whenever its value changes."""
        self._control.on_value_change(lambda _: heard())


def _control(field: SettingField, value: Any) -> Any:
    control: Any
    if field.kind == "boolean":
        control = ui.switch(field.title, value=bool(value)).props("dense")
        if field.hint:
            control.tooltip(field.hint)
        return control.mark(f"setting-{field.name}")
    if field.kind == "choice":
        options = {choice: str(choice) for choice in field.choices}
        if field.optional:
            options = {NONE: "none", **options}
        shown = NONE if value is None and field.optional else value
        control = ui.select(options, label=field.title, value=shown if shown in options else None)
        control.props("options-dense")
    elif field.kind in ("integer", "number"):
        control = number_field(field.title, value, field.minimum, field.maximum)
        control.props(f"step={1 if field.kind == 'integer' else 'any'}")
    elif field.kind == "text":
        control = ui.input(field.title, value="" if value is None else str(value))
    elif field.kind == "names":
        control = ui.input(field.title, value=", ".join(value or ()))
    else:
        control = ui.textarea(field.title, value=json.dumps(value)).props("autogrow")
    control.props("outlined dense").mark(f"setting-{field.name}")
    control.props["hint"] = field.hint
    return control


def _value(field: SettingField, value: Any) -> Any:
    if field.kind == "choice":
        return None if value == NONE and field.optional else value
    if field.kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if field.kind == "text":
        return None if not value and field.optional else value
    if field.kind == "names":
        return [name.strip() for name in (value or "").split(",") if name.strip()]
    if field.kind == "json":
        try:
            return json.loads(value or "null")
        except ValueError as error:
            raise Invalid(f"{field.title} is no JSON: {error}") from error
    return value
