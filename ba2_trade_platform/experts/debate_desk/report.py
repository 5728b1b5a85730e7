"""Debate report: the desk's own markdown around the models' texts, with foreign text quoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ba2_trade_platform.core.contracts.language_models import Lesson
from ba2_trade_platform.experts.debate_desk.answers import decision_at
from ba2_trade_platform.experts.debate_desk.material import Material
from ba2_trade_platform.experts.debate_desk.seats import RECALL

MOST_SHOWN = 30


def numbers(material: Material) -> str:
    """Return the numbers as a table."""
    rows = "\n".join(f"| {name.replace('_', ' ')} | {value:,.6g} |" for name, value in material.numbers.items())
    bars = material.bars
    return (
        f"{len(bars)} sessions of {material.symbol} up to {bars.sessions[-1]}, in {bars.currency}, computed by code."
        f"\n\n| number | value |\n| --- | ---: |\n{rows}"
    )


def research(material: Material) -> str:
    """Return what was found beside the prices, each text quoted in a block of its own, and who found nothing."""
    lines = [f"- {role} is absent: {why}" for role, why in material.absent.items()]
    texts = [
        f"{item['published_at'][:10]} {item['source']}: {item['headline']}"
        for item in (*material.articles, *material.posts)
    ]
    texts += [
        f"{item['published_at'][:10]} {item['name']}: {item['value']} {item['unit']}" for item in material.figures
    ]
    lines += [f"- {_quote(text)}" for text in texts[:MOST_SHOWN]]
    if len(texts) > MOST_SHOWN:
        lines.append(f"- and {len(texts) - MOST_SHOWN} more")
    return "\n".join(lines) or "Nothing was looked for beside the prices."


def recalled(lessons: Sequence[Lesson], warning: str | None) -> str:
    """Return the lessons that were found for this situation."""
    lines = [f"Memory did not answer: {warning}"] if warning else []
    lines += [
        f"- {one.symbol} on {one.as_of:%Y-%m-%d}, {one.action}: {one.return_percent:+.2f} % by {one.known_at:%Y-%m-%d}."
        f" {_quote(one.reflection)}"
        for one in lessons
    ]
    return "\n".join(lines) or "No lesson of a like situation was known by then."


def decision(answer: Mapping[str, Any], price: float, currency: str) -> str:
    """Return a structured decision as it is read."""
    said = decision_at(price).model_validate(answer)
    levels = ""
    if said.action in {"BUY", "SELL"}:
        levels = (
            f" Price {price:,.4f}, target {said.target_price:,.4f}, stop {said.stop_price:,.4f} {currency};"
            f" {said.expected_profit_percent:.2f} % expected."
        )
    reasons = "\n".join(f"{i}. {one.claim} *({one.evidence})*" for i, one in enumerate(said.reasons, 1))
    horizon = said.horizon.replace("_", " ")
    return (
        f"**{said.action}**, confidence {said.confidence:.0f} of 100, {horizon}, {said.risk} risk.{levels}"
        f"\n\n{said.summary}\n\n{reasons}"
    )


def summary(decided: str, results: Mapping[str, Mapping[str, Any]], material: Material) -> str:
    """Return the page's first text: the decision, who spoke, who was absent, and who was not told all."""
    spoke = [name for name, said in results.items() if name != RECALL and not said.get("absent")]
    missing = [f"- {role}: {why}" for role, why in material.absent.items()]
    parts = [decided, f"Spoke: {', '.join(spoke)}."]
    if missing:
        parts.append("Absent:\n\n" + "\n".join(missing))
    lacking = [f"- {name}: {'; '.join(said['left_out'])}" for name, said in results.items() if said.get("left_out")]
    if lacking:
        parts.append("Left out of questions, for the models' windows:\n\n" + "\n".join(lacking))
    return "\n\n".join(parts)


def _quote(text: str) -> str:
    """Return foreign text on one line, in code marks that it cannot end."""
    return "`" + " ".join(text.replace("`", "'").split()) + "`"
