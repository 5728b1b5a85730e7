"""Scripted words: write each debate role's text from the signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ba2_trade_platform.demo.scripted_model.facts import ANALYSTS, Facts
from ba2_trade_platform.demo.scripted_model.signals import STOP_ATR, TARGET_ATR, TONE, Opinion, Signal

ARGUMENTS = 4
_FUNDAMENTAL, _NEWS, _POSTS = "dividends", "news", "posts of investors"
_VERBS = {"BUY": "buy", "SELL": "sell", "HOLD": "hold", "REVIEW": "let a person look at"}


def words_of(facts: Facts, opinion: Opinion) -> str:
    """Return the text of the facts' role, as markdown; a plain summary for a role that is none of the desk's."""
    return _WRITERS.get(facts.role, thesis)(facts, opinion)


def thesis(facts: Facts, opinion: Opinion) -> str:
    """Return the opinion in two sentences, with the evidence that decides it."""
    about = facts.symbol or "the symbol"
    if opinion.action == "REVIEW":
        return f"The facts about {about} do not suffice for an opinion; a person must look."
    for_it, against = opinion.side(1), opinion.side(-1)
    first = (
        f"{len(for_it)} of {len(opinion.signals)} signals speak for {about} and {len(against)} against it,"
        f" a weighted balance of {opinion.score:+.2f}: {opinion.reading}."
    )
    decisive = (against if opinion.action == "SELL" else for_it or against)[:2]
    return f"{first} {_sentences(decisive)}".strip()


def _technical(facts: Facts, opinion: Opinion) -> str:
    mine = [s for s in opinion.signals if s.topic not in (_FUNDAMENTAL, _NEWS, _POSTS)]
    if not mine:
        return f"There is no usable number about the price of {facts.symbol}; I abstain."
    lines = [f"### {facts.symbol} on the chart, {facts.day}", "", *(_bullet(signal) for signal in mine)]
    atr, volatility = facts.number("atr_14"), facts.number("volatility_20d")
    if atr is not None and opinion.price:
        lines.append(f"- It moves {atr:.2f} on an ordinary day, {100 * atr / opinion.price:.1f} % of the price.")
    if volatility is not None:
        lines.append(f"- Its volatility over 20 days is {volatility:.1f} %.")
    return "\n".join([*lines, "", f"Technical view: **{_tilt(mine)}**."])


def _fundamentals(facts: Facts, opinion: Opinion) -> str:
    if not facts.figures:
        return (
            f"No reported figure of {facts.symbol} is known at {facts.day}; I have nothing to say about its business."
        )
    lines = [f"### What {facts.symbol} has reported", ""]
    for item in list(facts.figures)[:8]:
        day, unit = str(item.get("published_at", ""))[:10], str(item.get("unit") or "")
        lines.append(f"- {day} {_one_line(item.get('name'))}: {item.get('value')} {_one_line(unit)}".rstrip())
    mine = [s for s in opinion.signals if s.topic == _FUNDAMENTAL]
    closing = _sentences(mine) or "None of these says by itself whether the price is too high or too low."
    return "\n".join([*lines, "", closing])


def _heard(what: str, topic: str) -> Callable[[Facts, Opinion], str]:
    def write(facts: Facts, opinion: Opinion) -> str:
        mine = [signal for signal in opinion.signals if signal.topic == topic]
        if not mine:
            return f"There are no {what} about {facts.symbol} up to {facts.day}; I have nothing to report."
        lines = [f"### {what.capitalize()} about {facts.symbol}", "", *(_bullet(signal) for signal in mine)]
        counted = "Words were counted, not understood; what the texts ask for was not read."
        return "\n".join([*lines, "", f"{TONE}{_tilt(mine)}**. {counted}"])

    return write


def _debater(direction: int, opponent: str) -> Callable[[Facts, Opinion], str]:
    verb = "for" if direction > 0 else "against"

    def write(facts: Facts, opinion: Opinion) -> str:
        mine, theirs = opinion.side(direction), opinion.side(-direction)
        turn = sum(role == facts.role for role, _ in facts.debate)
        last_words = next((text for role, text in reversed(facts.debate) if role == opponent), "")
        lines = [_answer_to(opponent, last_words, mine, theirs)]
        if not mine:
            lines.append(f"I find no number that speaks {verb} {facts.symbol}, and I will not invent one.")
        else:
            start = turn * ARGUMENTS % len(mine)
            chosen = (mine[start:] + mine[:start])[:ARGUMENTS]
            lines += [f"What speaks {verb} {facts.symbol}:", *(_bullet(signal) for signal in chosen)]
        if len(theirs) > len(mine):
            lines.append(f"I grant that {len(theirs)} signals point the other way.")
        return "\n\n".join(_paragraphs(lines))

    return write


def _answer_to(opponent: str, said: str, mine: Sequence[Signal], theirs: Sequence[Signal]) -> str:
    if not said:
        return ""
    # Their last point is the one named last, which is what an answer should meet.
    named = max(theirs, key=lambda signal: said.rfind(signal.topic), default=None)
    if named is None or named.topic not in said:
        return f"The {opponent} names no number that I could not answer."
    if not mine:
        return f"The {opponent} points to the {named.topic}, and I have nothing to set against it."
    return f"The {opponent} points to the {named.topic}. Against that stands: {_lower(mine[0].sentence)}."


def _research_manager(facts: Facts, opinion: Opinion) -> str:
    absent = [name for name in ANALYSTS if name not in facts.reports] if facts.reports else []
    lines = [
        "### Weighing both sides",
        thesis(facts, opinion),
        f"For: {_topics(opinion.side(1))}. Against: {_topics(opinion.side(-1))}.",
    ]
    if absent:
        lines.append(f"Not heard: {', '.join(absent)}.")
    lines.append(f"Plan: **{_VERBS[opinion.action]}** {facts.symbol}, confidence {opinion.confidence}.")
    return "\n\n".join(lines)


def _trader(facts: Facts, opinion: Opinion) -> str:
    proposal = f"**{opinion.action}** {facts.symbol}. {thesis(facts, opinion)}"
    return "\n\n".join(["### Proposal", proposal, levels_line(opinion)])


def levels_line(opinion: Opinion) -> str:
    """Return price, target and stop in one sentence."""
    if opinion.target is None or opinion.stop is None or opinion.price is None:
        return "Nothing is bought or sold, so there is no target and no stop."
    return (
        f"Price {opinion.price:.2f}, target {opinion.target:.2f} ({TARGET_ATR:g} average true ranges away),"
        f" stop {opinion.stop:.2f} ({STOP_ATR:g} away); {opinion.expected_profit_percent:.1f} % to the target."
    )


def _risk(stance: str) -> Callable[[Facts, Opinion], str]:
    def write(facts: Facts, opinion: Opinion) -> str:
        atr, reach = facts.number("atr_14"), "how far it moves in a day is not known"
        if atr is not None and opinion.price:
            reach = f"it moves {100 * atr / opinion.price:.1f} % on an ordinary day"
        risk = f"The risk is {opinion.risk}: {reach}."
        if opinion.action in ("HOLD", "REVIEW"):
            said = {
                "aggressive": "Waiting costs something too, but no side is strong enough to act on.",
                "conservative": "Nothing is gained by acting while the signals contradict each other.",
                "neutral": "The signals balance; to wait is the sound choice.",
            }[stance]
            return f"{risk} {said}"
        said = {
            "aggressive": f"The signals agree: {_VERBS[opinion.action]} the full size; the stop bounds the loss.",
            "conservative": f"I would {_VERBS[opinion.action]} half the size at most, and never without the stop.",
            "neutral": "Reward and risk stand three to two; the ordinary size is in order.",
        }[stance]
        other = opinion.side(-1 if opinion.action == "BUY" else 1)
        doubt = f" What could go wrong: {_lower(other[0].sentence)}." if other and stance != "aggressive" else ""
        return f"{risk} {said}{doubt} {levels_line(opinion)}"

    return write


def _portfolio_manager(facts: Facts, opinion: Opinion) -> str:
    decision = f"**{opinion.action}** {facts.symbol}, confidence {opinion.confidence}, risk {opinion.risk}."
    return "\n\n".join(["### Decision", decision, thesis(facts, opinion), levels_line(opinion)])


def _tilt(signals: Sequence[Signal]) -> str:
    balance = sum(signal.direction * signal.weight for signal in signals) / sum(signal.weight for signal in signals)
    return "mixed" if abs(balance) < 0.25 else "bullish" if balance > 0 else "bearish"


def _bullet(signal: Signal) -> str:
    mark = {1: "for", -1: "against", 0: "neither"}[signal.direction]
    return f"- {signal.sentence} ({signal.topic}: {mark})."


def _paragraphs(lines: Sequence[str]) -> list[str]:
    """Return the paragraphs of these lines, bullets that follow each other together."""
    joined: list[str] = []
    for line in lines:
        if line.startswith("- ") and joined and joined[-1].splitlines()[-1].startswith(("- ", "What speaks")):
            joined[-1] += ("\n" if joined[-1].splitlines()[-1].startswith("- ") else "\n\n") + line
        elif line:
            joined.append(line)
    return joined


def _sentences(signals: Sequence[Signal]) -> str:
    return " ".join(f"{signal.sentence}." for signal in signals)


def _topics(signals: Sequence[Signal]) -> str:
    return ", ".join(signal.topic for signal in signals) or "nothing"


def _lower(sentence: str) -> str:
    return sentence if sentence.startswith("RSI") else sentence[:1].lower() + sentence[1:]


def _one_line(value: object) -> str:
    return " ".join(str(value).split())[:80]


_WRITERS: Mapping[str, Callable[[Facts, Opinion], str]] = {
    "technical": _technical,
    "fundamentals": _fundamentals,
    "news": _heard("headlines", _NEWS),
    "sentiment": _heard("posts", _POSTS),
    "bull": _debater(1, "bear"),
    "bear": _debater(-1, "bull"),
    "research_manager": _research_manager,
    "trader": _trader,
    "aggressive": _risk("aggressive"),
    "conservative": _risk("conservative"),
    "neutral": _risk("neutral"),
    "portfolio_manager": _portfolio_manager,
}
