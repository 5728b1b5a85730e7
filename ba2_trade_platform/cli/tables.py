"""Table output: prints answers for people, with times in the desk's zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

DASH = "-"
WIDTH = 200  # of lines that go into a file or another program
STYLES = {"completed": "green", "failed": "red", "running": "cyan", "pending": "blue"}


def print_page(page: dict[str, Any], zone: ZoneInfo) -> None:
    """Print a page of analyses."""
    table = _table("ID", "Symbol", "Expert", "Status", "Failure", "Recommendation", "Attempt", "Created", "Duration")
    for row in page["items"]:
        table.add_row(
            *_texts(row, "id", "symbol", "expert"),
            _status(row["status"]),
            _text(row["error_code"]),
            _recommendation(row),
            _attempt(row),
            _moment(row["created_at"], zone),
            _seconds(row["duration_ms"]),
        )
    _print(table)
    if not page["items"]:
        _print("No analysis matches. `submit EXPERT SYMBOL` queues one; `seed-demo` loads the demo desk.")
    if page["next_cursor"]:
        _print(f"More: --cursor {page['next_cursor']}")


def print_analysis(found: dict[str, Any], zone: ZoneInfo) -> None:
    """Print one analysis with its attempts, steps, outputs and recommendation."""
    row, recommendation = found["analysis"], found["recommendation"]
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("Analysis", f"{row['id']}  {_text(row['symbol'])}  {_text(row['expert'])}"),
        ("Status", f"{_status(row['status'])}  {row['progress']} %  {_text(row['current_step'])}"),
        ("Failure", f"{_text(row['error_code'])}  {_text(row['error_message'])}" if row["error_code"] else DASH),
        ("Verdict", _text(found["verdict"]["headline"]) if found.get("verdict") else DASH),
        ("Attempt", _attempt(row)),
        ("Created", _moment(row["created_at"], zone)),
        ("Finished", _moment(row["finished_at"], zone)),
        ("Recommendation", _recommendation(row)),
        ("", _text(recommendation["details"]) if recommendation else ""),
    ):
        facts.add_row(name, value)
    _print(facts)
    attempts = _table("Attempt", "Why", "Who", "Queued", "Finished", "Outcome", "Failure", title="Attempts")
    for one in found["attempts"]:
        attempts.add_row(
            str(one["number"]),
            _text(" ".join(filter(None, (one["trigger"], one["reason"])))),
            _text(one["actor"]),
            *_moments(one, zone, "queued_at", "finished_at"),
            *_texts(one, "outcome", "error_code"),
        )
    _print(attempts)
    steps = _table("Step", "Status", "Started", "Finished", title="Steps")
    for one in found["steps"]:
        steps.add_row(*_texts(one, "name", "status"), *_moments(one, zone, "started_at", "finished_at"))
    _print(steps)
    outputs = _table("Output", "Type", "Characters", title="Outputs")
    for one in found["outputs"]:
        outputs.add_row(*_texts(one, "name", "type"), str(len(one["text"])))
    _print(outputs)


def print_plan(plan: dict[str, Any]) -> None:
    """Print what a re-run would do."""
    _print(f"Analysis {plan['analysis_id']}, {plan['mode']}: {escape(plan['sentence'])}")
    steps = _table("#", "Step", "What", "Why", "Took")
    for number, one in enumerate(plan["steps"], 1):
        took = None if one["seconds"] is None else one["seconds"] * 1000
        steps.add_row(str(number), *_texts(one, "name", "fate", "reason"), _seconds(took))
    _print(steps)
    for guard in plan["guards"]:
        _print(f"{guard['code']}: {escape(guard['sentence'])}")
    if plan["settings_changed"]:
        _print(escape(plan["settings_changed"]).capitalize())
    for mode in plan["modes"]:
        if mode["reason"]:
            _print(f"Not possible: {mode['mode']}. {escape(mode['reason'])}")
    _print(f"Plan hash: {plan['plan_hash']}")


def print_failures(inbox: dict[str, Any], zone: ZoneInfo) -> None:
    """Print a page of groups of failures."""
    table = _table("Fingerprint", "State", "Failed", "Seen", "Last seen", "Code", "Verdict", "Failure")
    for group in inbox["items"]:
        table.add_row(
            *_texts(group, "fingerprint", "state", "failed_now", "seen"),
            _moment(group["last_seen"], zone),
            _text(group["code"]),
            _text(group["assessment"]["headline"]),
            _text(group["message"].splitlines()[0] if group["message"] else ""),
        )
    _print(table)
    if not inbox["items"]:
        _print("Nothing needs you." if not inbox["needs_person"] else "No group is in these states.")
    if inbox["next_cursor"]:
        _print(f"More: --cursor {inbox['next_cursor']}")


def print_breakers(found: dict[str, Any], zone: ZoneInfo) -> None:
    """Print incidents of providers."""
    table = _table("Provider", "State", "Waiting", "Since", "Next probe", "Why", "By")
    for one in found["items"]:
        table.add_row(
            *_texts(one, "provider", "state", "waiting"),
            *_moments(one, zone, "opened_at", "probe_at"),
            _text(one["reason"]),
            _text(one["opened_by"] or "console"),
        )
    _print(table if found["items"] else "No provider is held back.")


def print_backups(found: dict[str, Any], zone: ZoneInfo) -> None:
    """Print the copies of the database."""
    table = _table("Made", "State", "MB", "File or failure")
    for one in found["items"]:
        state = "failed" if one["error"] else "deleted" if one["deleted_at"] else "verified"
        size = f"{one['bytes'] / 1e6:,.1f}" if one["bytes"] else DASH
        table.add_row(_moment(one["started_at"], zone), state, size, _text(one["error"] or one["file"]))
    _print(table if found["items"] else "There is no backup yet. `backup now` makes one.")
    _print(found["sentence"])


def print_costs(found: dict[str, Any]) -> None:
    """Print what model calls cost, group by group, and their total."""
    table = _table(found["group_by"].capitalize(), "Calls", "Tokens in", "Tokens out", "Cached", "Cost, USD")
    for label, spend in [*((one["label"], one["spend"]) for one in found["groups"]), ("Total", found["total"])]:
        bound = "at least " if spend["tokens_at_least"] else ""
        tokens = (f"{bound}{spend[name]:,}" for name in ("tokens_in", "tokens_out", "tokens_cached"))
        known = float(spend["cost"])
        cost = "unknown" if spend["at_least"] and not known else f"{known:,.4f}"
        cost = f"at least {cost}" if spend["at_least"] and known else cost
        table.add_row(_text(label), f"{spend['calls']:,}", *tokens, cost)
    _print(table if found["groups"] else "No model was called in this time.")
    if found["truncated"]:
        _print("There are more groups than the 1,000 that are listed; the total is of all.")


def print_prices(found: dict[str, Any]) -> None:
    """Print what models cost in USD a million tokens."""
    table = _table("Provider", "Model", "From", "Input", "Cached", "Cache write", "Output", "Thinking", "Source")
    for one in found["items"]:
        amounts = (_amount(one[name]) for name in ("input", "cached", "cache_write", "output", "reasoning"))
        source = f"your own: {one['source']}".removesuffix(": ") if one["own"] else one["source"]
        table.add_row(*_texts(one, "provider", "model", "valid_from"), *amounts, _text(source))
    _print(table)
    for line in (
        *found["problems"],
        f"{found['sentence']}. In USD a million tokens; your own stand in {found['file']}",
    ):
        _print(line)


def print_providers(found: dict[str, Any]) -> None:
    """Print the model providers."""
    table = _table("Provider", "Dialect", "Quick model", "Deep model", "Key", "Can be asked")
    for one in found["items"]:
        asked = f"no: {one['unavailable']}" if one["unavailable"] else "yes"
        dialect = one["dialect"]["name"] + (", changed" if one["dialect_changes"] or one["adaptations"] else "")
        table.add_row(
            _text(one["name"]), _text(dialect), *_texts(one, "quick_model", "deep_model", "key_words"), _text(asked)
        )
    _print(table)


def print_checks(test: dict[str, Any]) -> None:
    """Print what a connection test tried, a line each."""
    table = _table("Tried", "Model", "Works", "Result", "ms", "USD")
    for one in test["checks"]:
        works = {True: "yes", False: "no", None: DASH}[one["ok"]]
        table.add_row(*_texts(one, "check", "model"), works, _text(one["sentence"]), *_texts(one, "ms", "cost"))
    if test["checks"]:
        _print(table)


def print_dialect(provider: dict[str, Any]) -> None:
    """Print how a provider is spoken to, and what its models were seen to take instead."""
    dialect, changes = provider["dialect"], provider["dialect_changes"]
    chosen = "chosen" if provider["dialect_chosen"] else "the usual one of its kind and address"
    _print(f"{provider['name']} speaks {dialect['label']} ({dialect['name']}, {chosen})")
    table = _table("Model", "Field", "Value", "From")
    for field, value in dialect.items():
        if field not in ("name", "label", "kind", "base_url"):
            table.add_row("all", field, _value(value), "this desk" if field in changes else "the dialect")
    for kept, field in (("structured", "structured"), ("windows", "window")):
        for model, value in provider[kept].items():
            table.add_row(_text(model), field, _value(value), "this desk")
    for model, seen in provider["adaptations"].items():
        for one in seen:
            table.add_row(
                _text(model),
                one["field"],
                _value(one["value"]),
                _text(f"since {one['adapted_at'][:10]}: {one['reason']}"),
            )
    _print(table)


def _value(value: object) -> str:
    return _text({True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value or None)


def print_research(files: Sequence[dict[str, Any]], zone: ZoneInfo) -> None:
    """Print what can be used of each file of news, figures or posts."""
    table = _table("File", "Usable", "Symbols", "Newest", "Left out")
    for one in files:
        table.add_row(*_texts(one, "name", "items", "symbols"), _moment(one["newest"], zone), _text(one["bad_lines"]))
    _print(table)


def print_models(found: dict[str, Any], zone: ZoneInfo) -> None:
    """Print models with window, price and newest test."""
    table = _table("Model", "For", "Window", "USD in/out a million", "Tested", "Works", "Fails", "Last used")
    for one in found["items"]:
        price, tested = one["price"], one["tested"]
        findings = tested["checks"] if tested else ()
        table.add_row(
            _text(one["name"]),
            ", ".join(one["tiers"]) or DASH,
            f"{one['window']:,}" if one["window"] else DASH,
            f"{price['input']} / {price['output']}" if price else DASH,
            _moment(tested["checked_at"] if tested else None, zone),
            *(
                escape(", ".join(each["check"] for each in findings if each["ok"] is ok)) or DASH
                for ok in (True, False)
            ),
            _moment(one["last_used_at"], zone),
        )
    _print(table if found["items"] else "There is no model provider. Add one on the page Providers.")


def print_price_files(check: dict[str, Any]) -> None:
    """Print how each price file is understood, what is missing in it, and why it is refused."""
    if check["items"]:
        table = _table("File", "State", "Form", "First bar", "Last bar", "Bars", "Missing", "Behind")
        for one in check["items"]:
            table.add_row(*_texts(one, "file", "state", "form", "first_session", "last_session"), *_counts(one))
        _print(table)
    for one in check["items"]:
        said = [one["problem"]] if one["problem"] else [f"{one['file']}: {each}" for each in one["repaired"]]
        for sentence in [*said, *one["warnings"]]:
            _print(escape(sentence))
    for sentence in check["problems"]:
        _print(escape(sentence))


def _counts(one: dict[str, Any]) -> list[str]:
    return [f"{one[name]:,}" for name in ("bars", "missing", "behind")]


def print_settings(listed: Sequence[dict[str, Any]]) -> None:
    """Print every setting."""
    table = _table("Setting", "Value", "From", "What it does")
    for one in listed:
        table.add_row(*_texts(one, "name", "value", "from", "description"))
    _print(table)


def _print(content: object) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(content, highlight=False, soft_wrap=isinstance(content, str))


def _table(*columns: str, title: str | None = None) -> Table:
    return Table(*columns, title=title, title_justify="left", box=None, header_style="bold", padding=(0, 2, 0, 0))


def _text(value: object) -> str:
    return DASH if value in (None, "") else escape(str(value))


def _amount(amount: object) -> str:
    return DASH if amount is None else f"{float(str(amount)):g}"


def _texts(item: dict[str, Any], *names: str) -> list[str]:
    return [_text(item[name]) for name in names]


def _moments(item: dict[str, Any], zone: ZoneInfo, *names: str) -> list[str]:
    return [_moment(item[name], zone) for name in names]


def _status(status: str) -> str:
    style = STYLES.get(status)
    return f"[{style}]{status}[/]" if style else status


def _recommendation(row: dict[str, Any]) -> str:
    return DASH if row["action"] is None else f"{row['action']} {row['confidence']:g} %"


def _attempt(row: dict[str, Any]) -> str:
    return f"{row['attempt']} (re-run {row['reruns_used']}/{row['max_reruns']})"


def _moment(instant: str | None, zone: ZoneInfo) -> str:
    return DASH if instant is None else f"{datetime.fromisoformat(instant).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def _seconds(milliseconds: float | None) -> str:
    return DASH if milliseconds is None else f"{milliseconds / 1000:.1f} s"
