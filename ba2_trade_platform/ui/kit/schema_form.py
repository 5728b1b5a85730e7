"""Schema form: a settings form made from an expert's JSON schema, so that no expert needs a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nicegui import ui

from ba2_trade_platform.core.base.errors import Invalid

Kind = Literal["boolean", "integer", "number", "choice", "text", "names", "json"]
NONE = ""


@dataclass(frozen=True)
class SettingField:
    """One setting: what it is called, what it may be, and what it is when nothing is said."""

    name: str
    title: str
    description: str
    kind: Kind
    optional: bool
    default: Any = None
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

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
    """The controls of a schema's fields, filled with values."""

    def __init__(self, schema: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        self._fields = fields_of(schema)
        self._controls: dict[str, Any] = {}
        with ui.element("div").classes("ba2-form"):
            for field in self._fields:
                self._controls[field.name] = _control(field, values.get(field.name, field.default))
        if not self._fields:
            ui.label("This expert has no settings.").classes("ba2-muted")

    def values(self) -> dict[str, Any]:
        """Return what is in the form, as JSON; raises Invalid for a JSON field that is none."""
        return {field.name: _value(field, self._controls[field.name].value) for field in self._fields}


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
        control = ui.number(field.title, value=value, min=field.minimum, max=field.maximum)
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
