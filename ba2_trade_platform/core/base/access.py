"""Access check: the question that every verb asks first, and the decorator of those that write nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject

PermissionCheck = Callable[[Actor, Action, Subject], None]
"""Raises when this actor may not do this to such a subject."""


class Guarded(Protocol):
    """A service whose verbs ask before they act."""

    check_permission: PermissionCheck


Verb = TypeVar("Verb", bound=Callable[..., Any])


def needs(action: Action, subject: Subject) -> Callable[[Verb], Verb]:
    """Ask for permission before a verb that opens no command, or does much before it opens one; it takes `by`."""

    def guard(verb: Verb) -> Verb:
        @wraps(verb)
        def guarded(service: Guarded, *arguments: Any, by: Actor, **named: Any) -> Any:
            service.check_permission(by, action, subject)
            return verb(service, *arguments, by=by, **named)

        return cast(Verb, guarded)

    return guard
