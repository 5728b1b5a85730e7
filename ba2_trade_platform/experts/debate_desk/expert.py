"""DebateDesk expert: analysts read, a bull and a bear argue, and a portfolio manager decides."""

# ruff: noqa: PLC0415 - LangChain takes a second to load; the first step loads it in its thread

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from ba2_trade_platform.core.contracts.experts import AnalysisContext, Requirement, Verdict, broker_for_open_positions
from ba2_trade_platform.experts.debate_desk import prompts
from ba2_trade_platform.experts.debate_desk.seats import DATA, DECISION, Seat, seats_of
from ba2_trade_platform.experts.debate_desk.settings import DebateDeskSettings

if TYPE_CHECKING:
    from ba2_trade_platform.experts.debate_desk.checkpoints import CheckpointFile
    from ba2_trade_platform.experts.debate_desk.material import Material

PACKAGE = "ba2_trade_platform.experts.debate_desk"
# What they change is how calls are made or paid, not what is asked: a thread may go on after one of them changed.
NOT_ASKED = {"providers", "call_timeout_seconds", "call_retries", "budget_per_analysis_usd", "budget_per_day_usd"}


class DebateDesk:
    """See the module; one object serves all analyses, and keeps the open file of checkpoints for them."""

    name = "DebateDesk"
    description = (
        "Language models debate: analysts report, a bull and a bear argue, risk is weighed, one manager decides."
    )
    settings_model: type[BaseModel] = DebateDeskSettings
    safe_to_repeat = True
    can_resume = True

    def __init__(self) -> None:
        self._file: CheckpointFile | None = None

    def requirements(self, settings: BaseModel) -> list[Requirement]:  # noqa: ARG002 - the same for all settings
        """Return what it needs beyond its providers: for open positions, a broker."""
        return [broker_for_open_positions()]

    def providers(self, settings: BaseModel) -> Sequence[str]:
        """Return the model providers, in the order in which they are asked."""
        return cast("DebateDeskSettings", settings).providers

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Hold the debate; raise ExpertError DATA_MISSING, STALE_DATA, SYMBOL_INVALID, or a provider's own code.

        An answer that cannot be read, twice, is OUTPUT_INVALID; a manager who cannot decide makes it a REVIEW.
        """
        seats = seats_of(context.settings)
        context.expect(len(seats) + 1)
        read: list[Material] = []
        loaded = await context.step(
            DATA,
            partial(load, context, seats, read),
            inputs={"symbol": context.symbol, "as_of": context.as_of.isoformat()},
            after=(),
            always=True,
        )
        material = read[0]
        said = await self._debate(context, seats, material)
        from ba2_trade_platform.experts.debate_desk.answers import decision_at, verdict_of
        from ba2_trade_platform.experts.debate_desk.listener import labelled

        decision = decision_at(material.price).model_validate(said["answer"])
        details = labelled(said["text"], bool(said["scripted"]))
        return verdict_of(decision, material.price, loaded["currency"], details)

    async def _debate(self, context: AnalysisContext, seats: tuple[Seat, ...], material: Material) -> dict[str, Any]:
        from ba2_trade_platform.experts.debate_desk.checkpoints import CheckpointFile, Threads
        from ba2_trade_platform.experts.debate_desk.graph import Debate

        if self._file is None:
            self._file = CheckpointFile()
        async with self._file.opened(context.folder, context.warn) as saver:
            run = f"{context.base_attempt}-{settings_hash(context)}"
            threads = Threads(saver, context.analysis_id, run, context.warn)
            await threads.begin(context.mode, context.kept)
            results = await Debate(context, material, threads, seats).hold()
            await threads.finish()
        return results[DECISION]


def load(context: AnalysisContext, seats: Sequence[Seat], read: list[Material]) -> dict[str, Any]:
    """Read material, prompts and providers, write down what was found, load what the debate needs; blocking."""
    import_module(f"{PACKAGE}.graph")
    from ba2_trade_platform.experts.debate_desk import report
    from ba2_trade_platform.experts.debate_desk.material import read_material

    material = read_material(context)
    read.append(material)
    roles = sorted({seat.role for seat in seats if seat.kind != "recall"})
    context.note(
        {
            "models": dict(context.models.describe()),
            "prompt_version": prompts.VERSION,
            "prompts": {role: prompts.prompt_hash(role) for role in roles},
            "settings_hash": settings_hash(context),
            "absent": sorted(material.absent),
        }
    )
    context.output("data", "Numbers", report.numbers(material), dict(material.numbers))
    context.output("data", "Situation", material.situation())
    context.output("data", "News and figures", report.research(material))
    context.save_state({"last_session": str(material.bars.sessions[-1]), "absent": dict(material.absent)})
    return {
        "symbol": material.symbol,
        "currency": material.bars.currency,
        "last_session": str(material.bars.sessions[-1]),
        "close": material.price,
        "digest": material.digest(),
    }


def settings_hash(context: AnalysisContext) -> str:
    """Return the hash of the settings that change what is asked."""
    return prompts.json_hash(context.settings.model_dump(mode="json", exclude=NOT_ASKED))
