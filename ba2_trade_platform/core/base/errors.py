"""Errors: one tree of sentences for a person, each with its notification tone, HTTP status and exit code."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

Tone = Literal["warning", "negative"]


class PlatformError(Exception):
    """Something was asked for that cannot be done now; `str(error)` is the sentence to show."""

    title: ClassVar[str] = "Not possible"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    tone: ClassVar[Tone] = "negative"
    default_code: ClassVar[str] = "ERROR"
    retry_after_seconds: int | None = None

    def __init__(
        self, sentence: str, *, code: str | None = None, retry_after: int | None = None, **details: Any
    ) -> None:
        super().__init__(sentence)
        self.code = code or self.default_code
        self.retry_after_seconds = self.retry_after_seconds if retry_after is None else retry_after
        self.details = details


class NotFound(PlatformError):  # noqa: N818 - the names of this tree are what happened, as HTTP and people call it
    """There is no such thing."""

    title = "Not found"
    http_status = 404
    exit_code = 4
    default_code = "NOT_FOUND"


class Refused(PlatformError):  # noqa: N818
    """The present state does not allow it."""

    title = "Not allowed now"
    http_status = 409
    exit_code = 5
    tone = "warning"
    default_code = "NOT_ALLOWED"

    @classmethod
    def changed(cls, what: str) -> Refused:
        """Return the refusal of a change to what has been changed since it was read."""
        return cls(f"{what} was changed meanwhile: look at it again", code="CHANGED")


class Invalid(PlatformError):  # noqa: N818
    """What was given makes no sense."""

    title = "Invalid input"
    http_status = 422
    exit_code = 2
    tone = "warning"
    default_code = "INVALID"


class Impossible(Invalid):
    """Each part of what was given is well formed, and yet on this desk, or together, they cannot be."""

    title = "Not possible"
    http_status = 409
    exit_code = 5
    default_code = "IMPOSSIBLE"


class SwitchedOff(PlatformError):  # noqa: N818
    """The operator has switched this verb off."""

    title = "Switched off"
    http_status = 403
    exit_code = 6
    tone = "warning"
    default_code = "SWITCHED_OFF"


class TooMany(PlatformError):  # noqa: N818
    """A limit is reached; `retry_after` is in how many seconds asking again makes sense, None when never by itself."""

    title = "Too many"
    http_status = 429
    exit_code = 8
    tone = "warning"
    default_code = "TOO_MANY"


class Unavailable(PlatformError):  # noqa: N818
    """The database or the console cannot serve just now; nothing was changed, and it is worth asking again."""

    title = "Temporarily unavailable"
    http_status = 503
    exit_code = 7
    default_code = "UNAVAILABLE"
    retry_after_seconds = 5


class StartRefused(PlatformError):  # noqa: N818
    """The console cannot start as it was asked to."""

    title = "Cannot start"
    exit_code = 3
    default_code = "START_REFUSED"
