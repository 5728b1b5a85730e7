"""Graph expert: its steps are a graph that a test draws, and it counts the work that is really done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from ba2_trade_platform.core.contracts.experts import AnalysisContext, ExpertError, Verdict
from ba2_trade_platform.vocabulary import ErrorCode
from tests.fakes.experts import Scripted, hold

FAMILY: dict[str, tuple[str, ...]] = {
    "Load": (), "News": ("Load",), "Chart": ("Load",), "Fundamentals": ("Load",),
    "Debate": ("News", "Chart"), "Decide": ("Debate", "Fundamentals"),
}  # fmt: skip


class Graph:
    """Takes the steps one after the other, goes on beside one that fails, and fails at the end if any did."""

    def __init__(self, graph: Mapping[str, Sequence[str]], *, failing: Iterable[str] = (), name: str = "Graph") -> None:
        self.graph = dict(graph)
        self.failing = set(failing)
        self.inputs: dict[str, object] = {}
        self.done: list[str] = []
        self.expert = Scripted(name, self.analyse)

    def forget(self) -> None:
        """Count from now on."""
        self.done.clear()

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Do every step whose own steps were done."""
        context.expect(len(self.graph))
        done: set[str] = set()
        for name, needed in self.graph.items():
            if not done.issuperset(needed):
                continue
            try:
                await context.step(name, self._work(context, name), inputs=self.inputs.get(name), after=needed)
            except ExpertError:
                continue
            done.add(name)
        missing = sorted(set(self.graph) - done)
        if missing:
            raise ExpertError(ErrorCode.PROVIDER_DOWN, f"{', '.join(missing)} could not be done")
        return hold(details=f"{len(done)} steps")

    def _work(self, context: AnalysisContext, name: str) -> Callable[[], Awaitable[str]]:
        async def work() -> str:
            self.done.append(name)
            context.output("note", name, f"{name} in attempt {context.attempt}")
            context.save_state({"at": name, "attempt": context.attempt})
            if name in self.failing:
                raise ExpertError(ErrorCode.PROVIDER_DOWN, f"{name} has no answer")
            return name

        return work
