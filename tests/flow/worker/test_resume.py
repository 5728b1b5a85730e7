"""Resume after a clean stop: finished steps are not done again, and changed ones are."""

from __future__ import annotations

from pathlib import Path

from ba2_trade_platform.core.contracts.experts import AnalysisContext, Verdict
from ba2_trade_platform.vocabulary import Status
from tests.fakes.experts import Gate, Scripted, Works, hold
from tests.platforms import TRADER, drain, row, running, wait_until
from tests.scripted_console import console, desk, submit_to


class Interruptible:
    """An expert of three steps that waits at a gate in the second one of its first attempt."""

    def __init__(self, **traits: bool) -> None:
        self.works, self.gate, self.inputs = Works(), Gate(), {"Read": "v1", "Think": "v1", "Decide": "v1"}
        self.expert = Scripted("Interruptible", self.analyse, **traits)

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Read, think, decide; each step counts its work and writes an output."""
        context.expect(3)
        seen = []
        for name in ("Read", "Think", "Decide"):
            if name == "Think" and context.attempt == 1:
                await context.step("Wait", self.gate.hold)

            def work(name: str = name) -> str:
                self.works.of(name)()
                context.output("note", name, f"{name} in attempt {context.attempt}")
                return f"{name} {self.inputs[name]}"

            seen.append(await context.step(name, work, inputs=self.inputs[name]))
        return hold(details=", ".join(seen))


def interrupted(folder: Path, script: Interruptible) -> int:
    """Run the first attempt up to the gate and stop the console cleanly."""
    with console(folder, script.expert) as platform:
        analysis_id = submit_to(platform, "Interruptible")
        script.gate.arrived()
        wait_until(
            platform,
            lambda: [step.name for step in platform.monitoring.details.steps(analysis_id)] == ["Read", "Wait"],
            "the gate",
        )
    return analysis_id


def test_after_a_clean_stop_only_unfinished_steps_are_done_again(tmp_path: Path) -> None:
    script = Interruptible()
    analysis_id = interrupted(tmp_path, script)
    with running(desk(tmp_path, script.expert)) as platform:
        drain(platform)
        found, (second, first) = row(platform, analysis_id), platform.monitoring.details.attempts(analysis_id)
        assert (found.status, found.attempt, found.rescues_used) == (Status.COMPLETED, 2, 0)
        assert dict(script.works.done) == {"Read": 1, "Think": 1, "Decide": 1}
        assert (first.outcome, second.trigger, second.mode, second.base_attempt) == ("released", "release", "resume", 1)
        assert second.effective_as_of == first.effective_as_of
        steps = platform.monitoring.details.steps(analysis_id)
        assert [(step.name, step.attempt, step.reused_from_attempt) for step in steps] == [
            ("Read", 2, 1), ("Think", 2, None), ("Decide", 2, None),
        ]  # fmt: skip
        assert [(output.attempt, output.text) for output in platform.monitoring.details.outputs(analysis_id)] == [
            (2, "Read in attempt 1"), (2, "Think in attempt 2"), (2, "Decide in attempt 2"),
        ]  # fmt: skip
        recommendation = platform.monitoring.details.recommendation(analysis_id)
        assert recommendation is not None
        assert recommendation.details == "Read v1, Think v1, Decide v1"


def test_a_step_whose_inputs_changed_is_done_again_and_its_old_outputs_go(tmp_path: Path) -> None:
    script = Interruptible()
    analysis_id = interrupted(tmp_path, script)
    script.inputs["Read"] = "v2"
    with running(desk(tmp_path, script.expert)) as platform:
        drain(platform)
        assert dict(script.works.done) == {"Read": 2, "Think": 1, "Decide": 1}
        assert [output.text for output in platform.monitoring.details.outputs(analysis_id)] == [
            "Read in attempt 2", "Think in attempt 2", "Decide in attempt 2",
        ]  # fmt: skip
        steps = platform.monitoring.details.steps(analysis_id)
        assert [(step.position, step.name, step.reused_from_attempt) for step in steps] == [
            (1, "Read", None), (2, "Think", None), (3, "Decide", None),
        ]  # fmt: skip
        recommendation = platform.monitoring.details.recommendation(analysis_id)
        assert recommendation is not None
        assert recommendation.details.startswith("Read v2")


def test_a_redone_step_that_returns_nothing_forgets_its_old_result(tmp_path: Path) -> None:
    gate, given = Gate(), {"inputs": 1}
    returned = []

    async def forgets(context: AnalysisContext) -> Verdict:
        found = await context.step("Read", lambda: "old" if context.attempt == 1 else None, inputs=given["inputs"])
        returned.append(found)
        if context.attempt < 3:
            gate.reached.clear()
            await context.step("Wait", gate.hold)
        return hold()

    expert = Scripted("Forgetful", forgets)
    with console(tmp_path, expert) as platform:
        analysis_id = submit_to(platform, "Forgetful")
        gate.arrived()
    for attempt in (2, 3):
        given["inputs"] = 2
        gate.reached.clear()
        with running(desk(tmp_path, expert)) as platform:
            if attempt == 2:
                gate.arrived()
                wait_until(platform, lambda: len(platform.monitoring.details.steps(analysis_id)) == 2, "the gate")
            else:
                drain(platform)
                assert row(platform, analysis_id).status is Status.COMPLETED
    assert returned == ["old", None, None]


def test_an_expert_that_cannot_resume_does_everything_again(tmp_path: Path) -> None:
    script = Interruptible(can_resume=False)
    analysis_id = interrupted(tmp_path, script)
    with running(desk(tmp_path, script.expert)) as platform:
        drain(platform)
        assert row(platform, analysis_id).status is Status.COMPLETED
        assert dict(script.works.done) == {"Read": 2, "Think": 1, "Decide": 1}
        assert [output.attempt for output in platform.monitoring.details.outputs(analysis_id)] == [2, 2, 2]


def test_a_rerun_begins_afresh_even_where_the_expert_could_resume(tmp_path: Path) -> None:
    works = Works()

    async def fails_once(context: AnalysisContext) -> Verdict:
        await context.step("Read", works.of("Read"))
        assert context.attempt > 1, "not yet"
        return hold()

    with console(tmp_path, Scripted("Failing", fails_once)) as platform:
        analysis_id = submit_to(platform, "Failing")
        drain(platform)
        platform.analyses.rerun(analysis_id, by=TRADER)
        drain(platform)
        assert row(platform, analysis_id).status is Status.COMPLETED
        assert works.done["Read"] == 2


def test_progress_and_the_step_at_work_are_visible_while_an_expert_works(tmp_path: Path) -> None:
    gate = Gate()

    async def works(context: AnalysisContext) -> Verdict:
        context.expect(4)
        await context.step("One", lambda: context.output("note", "Early", "written before the end"))
        await context.step("Two", gate.hold)
        return hold()

    with console(tmp_path, Scripted("Working", works)) as platform:
        analysis_id = submit_to(platform, "Working")
        gate.arrived()
        wait_until(platform, lambda: row(platform, analysis_id).current_step == "Two", "showing the step")
        found = row(platform, analysis_id)
        assert (found.status, found.progress) == (Status.RUNNING, 25)
        assert [(step.name, step.status) for step in platform.monitoring.details.steps(analysis_id)] == [
            ("One", "completed"), ("Two", "running"),
        ]  # fmt: skip
        gate.open()
        drain(platform)
        assert (row(platform, analysis_id).progress, row(platform, analysis_id).current_step) == (100, None)
        assert [output.name for output in platform.monitoring.details.outputs(analysis_id)] == ["Early"]
        assert platform.worker.status.stale_results == 0
