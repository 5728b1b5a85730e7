"""Re-run plans over drawn step graphs: the steps of a plan are the work really done."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions
from ba2_trade_platform.vocabulary import Mode, Status
from tests.fakes.graphs import Graph
from tests.platforms import TRADER, drain, row
from tests.scripted_console import console, submit_to

NAMES = [f"Step {letter}" for letter in "ABCDEFG"]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """Steps that each build on some before them, and which of them fail."""
    names = NAMES[: draw(st.integers(4, len(NAMES)))]
    graph = {
        name: tuple(draw(st.lists(st.sampled_from(names[:place]), unique=True, min_size=1, max_size=3)))
        if place
        else ()
        for place, name in enumerate(names)
    }
    return graph, draw(st.sets(st.sampled_from(names[2:]), min_size=1, max_size=2))


@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    drawn=graphs(), mode=st.sampled_from([Mode.ONLY, Mode.FROM_STEP, Mode.RESUME, Mode.FRESH]), place=st.integers(0, 20)
)
def test_the_planned_steps_are_the_steps_that_are_done(
    drawn: tuple[dict[str, tuple[str, ...]], set[str]], mode: Mode, place: int
) -> None:
    steps, failing = drawn
    graph = Graph(steps, failing=failing)
    with TemporaryDirectory(prefix="graph-") as folder, console(Path(folder), graph.expert) as platform:
        analysis_id = submit_to(platform, "Graph")
        drain(platform)
        recorded = [step.name for step in platform.monitoring.details.steps(analysis_id)]
        can_keep = platform.analyses.rerun_plan(analysis_id).modes[1].possible
        mode = mode if can_keep else Mode.FRESH
        step = recorded[place % len(recorded)] if mode in (Mode.FROM_STEP, Mode.ONLY) else None
        plan = platform.analyses.rerun_plan(analysis_id, RerunOptions(mode, step=step))
        again = {planned.name for planned in plan.steps if planned.fate == "re-run"}
        assert {planned.name for planned in plan.steps} == set(recorded)

        graph.failing.clear()
        graph.forget()
        options = RerunOptions(mode, step=step, plan_hash=plan.plan_hash)
        platform.analyses.rerun(analysis_id, by=TRADER, options=options)
        drain(platform)
        assert row(platform, analysis_id).status is Status.COMPLETED
        assert len(graph.done) == len(set(graph.done))
        assert {name for name, needed in steps.items() if set(needed) & set(graph.done)} <= set(graph.done)
        assert set(graph.done) & set(recorded) == again
        assert set(graph.done) == again | (set(steps) - set(recorded))
        assert {one.name for one in platform.monitoring.details.steps(analysis_id)} == set(steps)
