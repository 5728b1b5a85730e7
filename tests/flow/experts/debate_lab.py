"""Debate lab: a console with the debate desk, and the servers on this machine that it asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions
from ba2_trade_platform.vocabulary import Mode, ProviderKind
from tests.debates import KEY, PRICES, SYMBOLS, money, write_research
from tests.fakes.debaters import Debaters
from tests.fakes.model_server import model_server
from tests.platforms import TRADER, drain, make_platform, row, running, submit


@dataclass
class DebateLab:
    """A console at work, its desk's id, and who answers: the first of its providers, and the second."""

    platform: Platform
    desk: int
    first: Debaters
    second: Debaters

    def debate(self, symbol: str = "MSFT") -> int:
        """Submit a debate and return its id once it has ended."""
        analysis_id = submit(self.platform, self.desk, symbol)
        drain(self.platform)
        return analysis_id

    def again(self, analysis_id: int, mode: Mode = Mode.RESUME, **options: Any) -> Counter[str]:
        """Re-run it to its end; return what the first provider was asked meanwhile, by role."""
        before = len(self.first.server.asked)
        self.platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(mode, **options))
        drain(self.platform)
        return self.first.calls(since=before)

    def state(self, analysis_id: int) -> tuple[str, str | None]:
        """Return status and failure code."""
        found = row(self.platform, analysis_id)
        return found.status.value, found.error_code

    def paid(self) -> tuple[int, Decimal]:
        """Return tokens and money by the servers' own count of what they answered to the end."""
        asked = [*self.first.server.asked, *self.second.server.asked]
        tokens = [one.reply.tokens for one in asked if one.whole and one.reply]
        return sum(map(sum, tokens)), sum(map(money, tokens), Decimal(0))

    def change(self, **settings: Any) -> None:
        """Change some of the desk's settings."""
        kept = self.platform.experts.get(self.desk).settings
        self.platform.experts.update(self.desk, by=TRADER, settings={**kept, **settings})


@contextmanager
def debate_lab(
    folder: Path,
    *,
    minute: float = 60,
    limits: dict[str, Any] | None = None,
    symbols: Sequence[str] = SYMBOLS,
    workers: int = 8,
    max_concurrent: int = 8,
    **settings: Any,
) -> Iterator[DebateLab]:
    """Put it together for the length of a block; `limits` are the first provider's."""
    (folder / "prices.csv").write_text(PRICES)
    research = write_research(folder / "research", symbols=symbols)
    with ExitStack() as stack:
        servers = [stack.enter_context(model_server()) for _ in range(2)]
        platform = make_platform(folder, research_dir=research, workers=workers, minute=minute)
        for name, server in zip(("lab", "lab-two"), servers, strict=True):
            given = {"quick_model": "small", "deep_model": "large", "base_url": f"{server.url}/v1", "key": KEY}
            platform.models.providers.create(name, ProviderKind.OPENAI, by=TRADER, **given, **(limits or {}))
        chosen = {"providers": ["lab"], "call_retries": 0, **settings}
        limit = {"max_retries": 0, "max_concurrent": max_concurrent}
        desk = platform.experts.create("DebateDesk", "Debaters", chosen, by=TRADER, **limit)
        stack.enter_context(running(platform))
        yield DebateLab(platform, desk.id, *map(Debaters, servers))
