"""Answers: the models that clients are given, derived from the core's values where their fields are the same."""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, TypeVar, Unpack, get_type_hints

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")
Cursor = TypeVar("Cursor")


class Answer(BaseModel):
    """What a client is told, read from the attributes of a core value.

    `of`: the core's class whose fields it has, `but` these; what the answer itself says comes on top or instead.
    """

    model_config = ConfigDict(from_attributes=True)

    def __init_subclass__(cls, of: type | None = None, but: Collection[str] = (), **config: Unpack[ConfigDict]) -> None:
        super().__init_subclass__(**config)
        fields = get_type_hints(of, include_extras=True) if of else {}
        cls.__annotations__ = {name: fields[name] for name in fields if name not in but} | cls.__annotations__


class Items(BaseModel, Generic[T]):
    """A collection."""

    items: list[T]


class Page(Answer, Generic[T, Cursor]):
    """Some of a list; `next_cursor` leads to those behind, absent: no more."""

    items: list[T]
    next_cursor: Cursor
