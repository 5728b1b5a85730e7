"""Re-run planner: reads the facts that `rerun_plans` decides by: steps, settings, providers and limits."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.analysis_rows import AnalysisWithExpert
from ba2_trade_platform.core.analyses.rerun_plans import (
    NO_PARTS,
    STEP_MODES,
    ConfigChoice,
    Done,
    Guard,
    RerunOptions,
    RerunPlan,
    ago,
    describe,
    find_step,
    hash_of,
    modes_of,
    plan_steps,
    sum_up,
)
from ba2_trade_platform.core.attempts.archives import expand
from ba2_trade_platform.core.attempts.submissions import active_holder
from ba2_trade_platform.core.base.errors import Impossible
from ba2_trade_platform.core.contracts.experts import SideEffects
from ba2_trade_platform.core.contracts.queue import Abilities, Ability
from ba2_trade_platform.core.failures.advice import fix_first
from ba2_trade_platform.core.failures.groups import kind_and_provider
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import FailureKind, Outcome, Status, StepStatus, Trigger

log = logging.getLogger(__name__)
USUAL_OF = 50  # so many of an expert's newest analyses say how long one usually takes
_T, _C, _S = t.attempt.c, t.expert_config.c, t.step.c


@dataclass(frozen=True)
class Chosen:
    """The settings that the next attempt runs with, and what the expert can do with them."""

    config_id: int | None
    settings_hash: str | None
    ability: Ability


class _Config(NamedTuple):
    revision: int | None = None
    hash: str | None = None


class RerunPlanner:
    """Plans re-runs in the caller's transaction; `side_effects` are asked who acts on a recommendation."""

    def __init__(self, abilities: Abilities, side_effects: Sequence[SideEffects] = ()) -> None:
        self._abilities = abilities
        self._side_effects = side_effects

    def choose(self, session: Session, row: AnalysisWithExpert, options: RerunOptions) -> Chosen:
        """Return which settings and providers are chosen; raises Invalid INVALID_CONFIG or INVALID_PROVIDER."""
        config_id = row.current_config_id
        if options.config != "current":
            number = "1" if options.config == "original" else options.config
            known = number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= row.attempt
            if not known:
                raise Impossible(
                    f"There are no settings {number[:40]!r}: choose current, original, or an attempt from 1 to "
                    f"{row.attempt}",
                    code="INVALID_CONFIG",
                )
            config_id = session.scalar(
                select(_T.config_id).where(_T.analysis_id == row.id, _T.number == int(number[:9]))
            )
        found = session.execute(select(_C.hash, _C.settings).where(_C.id == config_id)).one_or_none()
        ability = self._abilities(row.expert, found.settings if found else {}, row.subtype)
        _check_providers(options, ability.providers, row.alias)
        return Chosen(config_id, found.hash if found else None, ability)

    def guards(self, session: Session, row: AnalysisWithExpert, ability: Ability, now: datetime) -> tuple[Guard, ...]:
        """Return what a person must know, or answer for, before this failed analysis is done again."""
        found = []
        if row.reruns_used >= row.max_reruns:
            found.append(Guard("RETRY_LIMIT", _limit_sentence(session, row, now), "override"))
        acting = tuple(
            effect for asked in self._side_effects for effect in asked.acting_on(session, [row.id]).get(row.id, ())
        )
        if acting:
            names = ", ".join(f"{effect.reference} ({effect.sentence})" for effect in acting)
            sentence = (
                f"The recommendation of analysis {row.id} is acted on by {names}; acknowledge it with a reason to go "
                "on. What acts on it stays as it is"
            )
            found.append(Guard("CONFIRMATION_REQUIRED", sentence, "acknowledge", acting))
        override, provider = kind_and_provider(session, row.fingerprint)
        if (override or row.failure_kind) is FailureKind.PERMANENT:
            used = select(_T.config_id).where(_T.analysis_id == row.id, _T.number == row.attempt)
            differ = session.scalar(used) != row.current_config_id
            changed = "; the expert's settings were changed since" if differ else ""
            found.append(Guard("PERMANENT", f"{fix_first(row.error_code, provider)}{changed}"))
        holder = active_holder(session, row.dedupe_key)
        if holder is not None and holder.id != row.id:
            sentence = (
                f"Analysis task for expert {row.alias} and symbol {row.symbol} is already {holder.status.value} "
                f"(analysis {holder.id})"
            )
            found.append(Guard("DUPLICATE_PENDING", sentence))
        unavailable = "it was removed" if row.archived_at else None if row.enabled else "it is disabled"
        unavailable = unavailable or ability.unavailable
        if unavailable:
            found.append(Guard("EXPERT_UNAVAILABLE", f"{row.alias} cannot work: {unavailable}"))
        return tuple(found)

    def not_unasked(self, session: Session, rows: Sequence[Any]) -> dict[int, str]:
        """Return which of many may not be re-run without a person's word for each: something acts on them."""
        found: dict[int, list[str]] = {}
        ids = [row.id for row in rows]
        for asked in self._side_effects:
            try:
                acting = asked.acting_on(session, ids)
            except OperationalError:
                raise
            except Exception:  # bulk re-runs ask in the queue's own tick: who cannot answer must not stop it
                log.exception("Nobody can say what acts on %s recommendations", len(ids))
                return dict.fromkeys(ids, "nobody can say now what acts on it; re-run it by itself")
            for analysis_id, effects in acting.items():
                found.setdefault(analysis_id, []).extend(effect.reference for effect in effects)
        return {key: f"acted on by {', '.join(names)}; re-run it by itself" for key, names in found.items() if names}

    def plan(self, session: Session, row: AnalysisWithExpert, options: RerunOptions, now: datetime) -> RerunPlan:
        """Return what would be done; raises Invalid for a step, mode, config or provider that cannot be had."""
        chosen = self.choose(session, row, options)
        configs = _configs_of_attempts(session, row.id)
        steps = _recorded(session, row.id, configs, chosen.settings_hash)
        modes = modes_of(steps, row.attempt, row.alias, None if chosen.ability.can_resume else NO_PARTS)
        refusal = next(choice.reason for choice in modes if choice.mode is options.mode)
        if refusal is not None:
            raise Impossible(refusal, code="MODE_NOT_POSSIBLE")
        step = _chosen_step(steps, options, row.id)
        planned = plan_steps(steps, options.mode, step, now)
        sums = sum_up(planned, _usual_seconds(session, row))
        guards = self.guards(session, row, chosen.ability, now)
        present = session.execute(select(_C.revision, _C.hash).where(_C.id == row.current_config_id)).one_or_none()
        current = _Config(*present) if present else _Config()
        others = [number for number, config in configs.items() if config.hash != current.hash]
        name, asked = step.name if step else None, options.providers.among(chosen.ability.providers)
        return RerunPlan(
            analysis_id=row.id,
            symbol=row.symbol,
            expert=row.alias,
            attempt=row.attempt,
            status=Status.FAILED,
            mode=options.mode,
            step=name,
            steps=planned,
            estimated_seconds=sums.estimated_seconds,
            seconds_saved=sums.seconds_saved,
            tokens_saved=sums.tokens_saved,
            cost_saved_usd=sums.cost_saved,
            guards=guards,
            modes=modes,
            config=options.config,
            configs=_config_choices(configs, current),
            settings_changed=f"settings changed since attempt {max(others)}" if others else None,
            providers=chosen.ability.providers,
            plan_hash=hash_of(row.attempt, options, name, chosen.config_id, asked, planned, guards),
            sentence=describe(options.mode, planned, sums),
        )


def _check_providers(options: RerunOptions, offered: Sequence[str], alias: str) -> None:
    named = [*([options.provider] if options.provider else []), *options.exclude_providers]
    unknown = next((name for name in named if name not in offered), None)
    if unknown is not None:
        known = f"its providers are {', '.join(offered)}" if offered else "it asks no provider"
        raise Impossible(f"{alias} has no provider {unknown[:80]!r}: {known}", code="INVALID_PROVIDER")
    if named and not [name for name in options.providers.among(offered) if name not in options.exclude_providers]:
        raise Impossible(f"{alias} would have nobody to ask: every provider is left out", code="INVALID_PROVIDER")


def _chosen_step(steps: Sequence[Done], options: RerunOptions, analysis_id: int) -> Done | None:
    if options.mode in STEP_MODES:
        return find_step(steps, options.step or "", analysis_id)
    if options.step is not None:
        raise Impossible(f"Mode {options.mode.value} takes no step; from_step and only do", code="INVALID_STEP")
    return None


def _configs_of_attempts(session: Session, analysis_id: int) -> dict[int, _Config]:
    """Return what each attempt ran with, by its number, oldest first."""
    rows = session.execute(
        select(_T.number, _C.revision, _C.hash)
        .outerjoin(t.expert_config, _C.id == _T.config_id)
        .where(_T.analysis_id == analysis_id, _T.outcome.is_distinct_from(Outcome.WITHDRAWN))
        .order_by(_T.number)
    )
    return {row.number: _Config(row.revision, row.hash) for row in rows}


def _config_choices(configs: dict[int, _Config], current: _Config) -> tuple[ConfigChoice, ...]:
    """Return the present settings, and those of attempts that ran with others, each once."""
    choices, seen = [ConfigChoice("current", current.revision, same_as_current=True)], {current.hash}
    for number, config in configs.items():
        if config.hash not in seen:
            seen.add(config.hash)
            name = "original" if number == 1 else str(number)
            choices.append(ConfigChoice(name, config.revision, same_as_current=False))
    return tuple(choices)


def _recorded(session: Session, analysis_id: int, configs: dict[int, _Config], chosen_hash: str | None) -> list[Done]:
    rows = session.execute(select(t.step).where(_S.analysis_id == analysis_id).order_by(_S.position)).all()
    first = _first_counts(session, analysis_id, {row.reused_from_attempt for row in rows} - {None})
    steps = []
    for row in rows:
        did = row.reused_from_attempt or row.attempt
        tokens, cost = first.get((did, row.position, row.name), (row.tokens, row.cost))
        steps.append(
            Done(
                id=row.id,
                position=row.position,
                name=row.name,
                completed=row.status is StepStatus.COMPLETED,
                always=row.inputs_hash is None,
                depends_on=None if row.depends_on is None else tuple(row.depends_on),
                attempt=did,
                same_settings=did in configs and configs[did].hash == chosen_hash,
                finished_at=row.finished_at,
                seconds=(row.finished_at - row.started_at).total_seconds() if row.finished_at else None,
                tokens=tokens,
                cost=cost,
            )
        )
    return steps


def _first_counts(session: Session, analysis_id: int, attempts: set[int]) -> dict[tuple[int, int, str], Any]:
    """Return tokens and cost of kept steps as they were counted when they were done: a kept step costs nothing."""
    if not attempts:
        return {}
    packed = session.execute(
        select(_T.number, t.archive.c.contents)
        .join(t.archive, t.archive.c.attempt_id == _T.id)
        .where(_T.analysis_id == analysis_id, _T.number.in_(attempts))
    )
    return {
        (row.number, step["position"], step["name"]): (step["tokens"], step["cost"] and Decimal(step["cost"]))
        for row in packed
        for step in (expand(row.contents) or {}).get("steps", ())
    }


def _usual_seconds(session: Session, row: AnalysisWithExpert) -> float | None:
    a = t.analysis.c
    newest = (
        select(a.duration_ms, a.status)
        .where(a.expert_instance_id == row.expert_instance_id)
        .order_by(a.id.desc())
        .limit(USUAL_OF)
        .subquery()
    )
    milliseconds = session.scalar(select(func.avg(newest.c.duration_ms)).where(newest.c.status == Status.COMPLETED))
    return None if milliseconds is None else float(milliseconds) / 1000


def _limit_sentence(session: Session, row: AnalysisWithExpert, now: datetime) -> str:
    how_to_go_on = f"re-run {row.reruns_used + 1}/{row.max_reruns} needs an override with a reason"
    past = session.execute(
        select(_T.error_code, _T.outcome, _T.queued_at, t.actor.c.name)
        .join(t.actor, t.actor.c.id == _T.actor_id)
        .where(_T.analysis_id == row.id, _T.trigger.in_([Trigger.RERUN, Trigger.BULK]))
        .where(_T.outcome.is_distinct_from(Outcome.WITHDRAWN))
        .order_by(_T.number)
    ).all()
    if not past:
        return f"{row.alias} allows no re-runs; {how_to_go_on}"
    ends = Counter(one.error_code or (one.outcome.value if one.outcome else "open") for one in past)
    said = ", ".join(f"{code} {_times(count)}" for code, count in ends.most_common())
    last = past[-1]
    since = ago((now - last.queued_at).total_seconds())
    return f"Analysis {row.id} was re-run {_times(len(past))} ({said}, last by {last.name} {since} ago); {how_to_go_on}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
