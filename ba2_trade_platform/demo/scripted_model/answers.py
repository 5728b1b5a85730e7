"""Schema filling: fills the answer that a JSON schema asks for from the opinion, so that it validates."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ba2_trade_platform.demo.scripted_model.facts import Facts
from ba2_trade_platform.demo.scripted_model.signals import Opinion, Signal
from ba2_trade_platform.demo.scripted_model.words import thesis, words_of

REASONS = 4
_DEPTH = 8
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """Fills one schema from one role's facts and opinion."""

    facts: Facts
    opinion: Opinion
    schema: Schema

    def fill(self) -> dict[str, Any]:
        """Return the answer, an object with every property of the schema."""
        return self._object(self.schema, None, 0)

    def _value(self, name: str, schema: Schema, reason: Signal | None, depth: int) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        known = self._known(name, reason)
        if variants := schema.get("anyOf") or schema.get("oneOf"):
            return self._variant(name, variants, known, reason, depth)
        if "enum" in schema:
            return _chosen(schema["enum"], known)
        kind = schema.get("type")
        if isinstance(kind, list):
            return self._variant(name, [{**schema, "type": one} for one in kind], known, reason, depth)
        if kind == "object" or "properties" in schema:
            return self._object(schema, reason, depth)
        if kind == "array":
            return self._array(name, schema, reason, depth)
        if kind in ("number", "integer"):
            return _number(known, schema, whole=kind == "integer")
        if kind == "boolean":
            return schema.get("default", False)
        if kind == "null":
            return None
        return self._text(name, schema, known, reason)

    def _variant(self, name: str, variants: Sequence[Schema], known: Any, reason: Signal | None, depth: int) -> Any:
        resolved = [self._resolved(variant) for variant in variants]
        nullable = any(variant.get("type") == "null" for variant in resolved)
        if nullable and (known is _NOTHING or depth >= _DEPTH):
            return None
        solid = [variant for variant in resolved if variant.get("type") != "null"]
        if isinstance(known, int | float):
            solid.sort(key=lambda variant: variant.get("type") not in ("number", "integer"))
        return self._value(name, solid[0], reason, depth + 1) if solid else None

    def _object(self, schema: Schema, reason: Signal | None, depth: int) -> dict[str, Any]:
        properties: Mapping[str, Schema] = schema.get("properties") or {}
        required = schema.get("required") or ()
        return {
            name: self._value(name, wanted, reason, depth + 1)
            for name, wanted in properties.items()
            if depth < _DEPTH or name in required
        }

    def _array(self, name: str, schema: Schema, reason: Signal | None, depth: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", REASONS)
        items: Schema = schema.get("items") or {"type": "string"}
        reasons: list[Signal | None] = [reason] if reason else [*self._reasons()]
        reasoned = re.search("reason|argument|evidence|point|risk|signal|cite|key", name)
        wanted = reasons[: max(least, min(most, REASONS))] if reasoned else []
        wanted += [None] * (least - len(wanted))
        singular = name.removesuffix("s") if name != "s" else name
        values = [self._value(singular, items, each, depth + 1) for each in wanted] if depth < 3 * _DEPTH else []
        return _apart(values) if schema.get("uniqueItems") else values

    def _reasons(self) -> list[Signal]:
        direction = {"BUY": 1, "SELL": -1}.get(self.opinion.action)
        if direction is None:
            return [*self.opinion.side(1)[:2], *self.opinion.side(-1)[:2]]
        return self.opinion.side(direction)

    def _text(self, name: str, schema: Schema, known: Any, reason: Signal | None) -> str:
        if schema.get("format") in ("date", "date-time"):
            instant = self.facts.as_of or "2000-01-01T00:00:00+00:00"
            return instant[:10] if schema["format"] == "date" else instant
        if isinstance(known, str):
            text = known
        elif reason is not None:
            cites = re.search("evidence|cite|source|number|fact|data", name)
            text = reason.evidence if cites else f"{reason.sentence}."
        elif re.search("report|details|argument|proposal|analysis|plan", name):
            text = words_of(self.facts, self.opinion)
        else:
            text = thesis(self.facts, self.opinion)
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        text = text if most is None or len(text) <= most else text[:most].rstrip()
        return text.ljust(least, ".")

    def _known(self, name: str, reason: Signal | None) -> Any:
        """Return what the opinion says for a field of this name: a value, _NOTHING, or None for an unknown name."""
        if reason is not None and not re.search("direction|side|stance", name):
            return None
        for pattern, value in _KNOWN:
            if re.fullmatch(pattern, name.lower()):
                found = value(self.facts, self.opinion)
                return _NOTHING if found is None else found
        return None

    def _resolved(self, schema: Schema) -> Schema:
        for _ in range(_DEPTH):
            if "$ref" in schema:
                named = str(schema["$ref"]).rpartition("/")[2]
                definitions = self.schema.get("$defs") or self.schema.get("definitions") or {}
                schema = {**definitions.get(named, {}), **{k: v for k, v in schema.items() if k != "$ref"}}
            elif "allOf" in schema:
                merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    merged = {**self._resolved(part), **merged}
                schema = merged
            else:
                return schema
        return schema


_NOTHING = object()
_KNOWN: Sequence[tuple[str, Callable[[Facts, Opinion], Any]]] = (
    (r"(recommended_|final_)?(action|decision|recommendation|signal|rating|direction|side|stance|winner)",
     lambda _, opinion: opinion.action),
    (r"confidence(_percent)?|conviction", lambda _, opinion: opinion.confidence),
    (r"(expected_)?(profit|return|move)(_percent)?", lambda _, opinion: opinion.expected_profit_percent),
    (r"target(_price)?|take_profit|price_target", lambda _, opinion: opinion.target),
    (r"stop(_price|_loss)?", lambda _, opinion: opinion.stop),
    (r"(current_|entry_)?price(_at_date)?|close|entry", lambda _, opinion: opinion.price),
    (r"(time_)?horizon", lambda _, __: "medium_term"),
    (r"risk(_level)?", lambda _, opinion: opinion.risk),
    (r"symbol|ticker", lambda facts, _: facts.symbol or None),
    (r"as_of|date", lambda facts, _: facts.as_of or None),
    (r"score|balance", lambda _, opinion: round(opinion.score, 4)),
)  # fmt: skip
_ALIKE = {
    "BUY": ("buy", "bull", "long", "positive", "accumulate", "for"),
    "SELL": ("sell", "bear", "short", "negative", "reduce", "against"),
    "HOLD": ("hold", "neutral", "mixed", "wait", "neither", "keep"),
    "REVIEW": ("review", "hold", "neutral", "unclear"),
}


def _chosen(options: Sequence[Any], known: Any) -> Any:
    """Return the option that means what is known, else the first."""
    if isinstance(known, str):
        exact = [option for option in options if str(option).lower() == known.lower()]
        begun = known.lower().partition("_")[0]
        alike = [o for word in _ALIKE.get(known, (begun,)) for o in options if word in str(o).lower()]
        return (exact or alike or list(options))[0]
    if None in options and known is _NOTHING:
        return None
    return options[0]


def _number(known: Any, schema: Schema, *, whole: bool) -> float | int:
    value = float(known) if isinstance(known, int | float) else float(schema.get("default") or 0)
    least, most = _bound(schema, "Minimum", 1, value), _bound(schema, "Maximum", -1, value)
    if most is not None and most <= 1 < value:
        value /= 100  # a confidence that is wanted as a share of 1
    value = max(value, least) if least is not None else value
    value = min(value, most) if most is not None else value
    step = schema.get("multipleOf")
    if step:
        value = round(math.ceil(value / step - 1e-9) * step, 10)
    return int(math.ceil(value - 1e-9) if least is not None and value == least else value) if whole else value


def _bound(schema: Schema, end: str, direction: int, value: float) -> float | None:
    """Return the least or most value; an exclusive bound that `value` does not keep is moved inwards."""
    exclusive = schema.get(f"exclusive{end}")
    if exclusive is not None:
        if (value - exclusive) * direction > 0:
            return None
        inwards = 1.0 if schema.get("type") == "integer" else max(abs(exclusive), 1.0) * 0.01
        return float(exclusive) + direction * inwards
    bound = schema.get(end.lower())
    return None if bound is None else float(bound)


def _apart(values: Sequence[Any]) -> list[Any]:
    kept: list[Any] = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept
