"""Route dependencies: give every route the services, the asking actor, its reason and ids the database can hold."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, SecretStr, model_validator
from pydantic_core import CoreSchema

from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.actors import Actor

MAX_FIELDS = 100
Reason = Annotated[str, Field(max_length=500, description="Why, in the trader's words; kept in the activity log")]


class RequestBody(BaseModel):
    """What a client may send: a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, value: Any) -> Any:
        """Refuse a heap of fields in one sentence; an error for each of a million froze every page."""
        if isinstance(value, dict) and len(value) > MAX_FIELDS:
            raise ValueError(f"{len(value):,} fields are too many: {MAX_FIELDS} at most")
        return value

    def sent(self, *but: str) -> dict[str, Any]:
        """Return the fields that were sent, `but` these; a secret is given as its text."""
        sent = self.model_dump(exclude_unset=True, exclude=set(but))
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in sent.items()
        }


def _said_of(kind: str, *, given: bool) -> dict[str, Any]:
    if kind == "boolean":
        return {"const": given}
    return {"not": {"type": "null"}} if given else {"type": "null"}


class OneWay(RequestBody):
    """A body of which exactly one of several fields is given; `WAYS` are their names and their types in JSON."""

    WAYS: ClassVar[dict[str, str]]

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(getattr(self, name) not in (None, False) for name in self.WAYS) != 1:
            *others, last = self.WAYS
            few = len(others) == 1
            raise ValueError(
                f"give either {others[0]} or {last}" if few else f"give one of {', '.join(others)} and {last}"
            )
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core_schema))
        schema["oneOf"] = [
            {
                "required": [way],
                "properties": {name: _said_of(kind, given=name == way) for name, kind in cls.WAYS.items()},
            }
            for way in cls.WAYS
        ]
        return schema


class ReasonBody(RequestBody):
    """Why something is done."""

    reason: Reason | None = None


def _console(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


def _asker(request: Request) -> Actor:
    actor: Actor = request.app.state.actor
    return actor


def _reason(body: ReasonBody | None = None) -> str | None:
    return body.reason if body else None


Console = Annotated[Platform, Depends(_console)]
Asker = Annotated[Actor, Depends(_asker)]
GivenReason = Annotated[str | None, Depends(_reason)]
AnalysisId = Annotated[int, Path(ge=1, le=MAX_ID, description="The analysis"), DIGITS]
IdCursor = Annotated[int | None, Query(ge=1, le=MAX_ID, description="next_cursor of the page before"), DIGITS]
Limit = Annotated[int, Query(ge=1, le=500), DIGITS]
