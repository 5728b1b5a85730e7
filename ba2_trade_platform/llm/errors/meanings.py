"""Error meanings: the few things that a provider's refusal comes to, each with its code and its sentence."""

from __future__ import annotations

from dataclasses import dataclass

from ba2_trade_platform.vocabulary import ErrorCode

DAILY_WAIT = 3600.0  # seconds: a quota of a day is not asked for again sooner, whatever smaller wish comes with it


@dataclass(frozen=True)
class Meaning:
    """What an error comes to. `sentence` is a pattern of provider, model, said and name (of the exception).

    `account`: the provider turned away whoever asks, whatever is asked, so the rest of the attempt asks it nothing.
    `elsewhere`: another provider may well answer, although the code alone does not say so. `wait`: the least time in
    seconds before asking again makes sense.
    """

    name: str
    code: ErrorCode
    sentence: str
    account: bool = False
    elsewhere: bool = False
    wait: float | None = None


_ALL = (
    Meaning(
        "empty_account", ErrorCode.PERMISSION,
        "{provider} does not serve this account any more, its quota or credit is used up: {said} "
        "(pay: top up the account there, or choose another provider)",
        account=True,
    ),
    Meaning(
        "locked_account", ErrorCode.PERMISSION,
        "{provider} has locked this account: {said} (write to its support, or choose another provider)",
        account=True,
    ),
    Meaning("wrong_key", ErrorCode.AUTH, "{provider} refused the API key: {said}", account=True),
    Meaning(
        "region", ErrorCode.PERMISSION,
        "{provider} does not serve the country or region that this console asks from: {said}",
        account=True,
    ),
    Meaning("not_allowed", ErrorCode.PERMISSION, "{provider} does not allow this: {said}"),
    Meaning(
        "sent_on", ErrorCode.PERMISSION,
        "{provider} sends on to another address, and prompts do not follow: enter the address where it is",
        account=True,
    ),
    Meaning("no_model", ErrorCode.MODEL_NOT_FOUND, "{provider} has no model {model}: {said}"),
    Meaning(
        "no_address", ErrorCode.MODEL_NOT_FOUND,
        "{provider} has no model {model} at this address, and nothing else either: {said} "
        "(check the address on the page Providers; most end in /v1)",
        account=True,
    ),
    Meaning("overflow", ErrorCode.CONTEXT_OVERFLOW, "The question is too long for {provider}'s {model}: {said}"),
    Meaning(
        "moderation", ErrorCode.BAD_REQUEST,
        "{provider}'s content filter turned the question away: {said}",
        elsewhere=True,
    ),
    Meaning("daily_quota", ErrorCode.RATE_LIMIT, "{provider}'s quota of the day is used up: {said}", wait=DAILY_WAIT),
    Meaning("slow_down", ErrorCode.RATE_LIMIT, "{provider} asked to slow down: {said}"),
    Meaning("overload", ErrorCode.PROVIDER_DOWN, "{provider} does not serve: {said} (it is overloaded)"),
    Meaning("loading", ErrorCode.PROVIDER_DOWN, "{provider} does not serve: {said} (it is loading the model)"),
    Meaning("maintenance", ErrorCode.PROVIDER_DOWN, "{provider} does not serve: {said} (it is being maintained)"),
    Meaning("down", ErrorCode.PROVIDER_DOWN, "{provider} does not serve: {said}"),
    Meaning("bad_request", ErrorCode.BAD_REQUEST, "{provider} refused the request: {said}"),
    Meaning("time_out", ErrorCode.TIMEOUT, "{provider} did not answer in time ({name})"),
    Meaning("unreachable", ErrorCode.CONNECTION, "{provider} cannot be reached: {said}"),
    Meaning("refused", ErrorCode.OUTPUT_INVALID, "{provider}'s {model} refused to answer: {said}"),
    Meaning(
        "broken_off", ErrorCode.CONNECTION,
        "{provider} ended its answer in the middle: the connection broke ({name})",
    ),
    Meaning(
        "never_began", ErrorCode.CONNECTION, "{provider} ended its answer in the middle: not a word had come"
    ),
    Meaning(
        "garbled", ErrorCode.PROVIDER_DOWN,
        "{provider} sent something unreadable in the middle of its answer ({name}: {said})",
    ),
)  # fmt: skip
MEANINGS = {one.name: one for one in _ALL}
_BY_STATUS = {
    401: "wrong_key", 402: "empty_account", 403: "not_allowed", 404: "no_model", 405: "no_address", 408: "time_out",
    413: "overflow", 429: "slow_down", 498: "overload", 529: "overload",
}  # fmt: skip


def of_status(status: int) -> Meaning:
    """Return what an HTTP status alone comes to."""
    if status < 400:
        return MEANINGS["sent_on"]
    return MEANINGS[_BY_STATUS.get(status, "down" if status >= 500 else "bad_request")]
