"""Provider choice: narrows an attempt to one of an expert's providers, or leaves some out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ProviderChoice:
    """What a person chose for one attempt: one provider alone, or some to leave out."""

    use: str | None = None
    leave_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, stored: Any) -> ProviderChoice:
        """Return the choice that an attempt was stored with."""
        return cls(stored.get("use"), tuple(stored.get("leave_out", ()))) if stored else cls()

    def stored(self) -> dict[str, Any] | None:
        """Return it as JSON, None when nothing was chosen."""
        return {"use": self.use, "leave_out": list(self.leave_out)} if self.use or self.leave_out else None

    def among(self, offered: Sequence[str]) -> tuple[str, ...]:
        """Return whom to ask, in order: nobody who is not offered any more."""
        if self.use is not None:
            return tuple(name for name in offered if name == self.use)
        return tuple(name for name in offered if name not in self.leave_out)


NO_CHOICE = ProviderChoice()
