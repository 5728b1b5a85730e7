"""Provider errors: map a client library's exceptions to our code, a sentence and a retry-after."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ba2_trade_platform.core.contracts.error_codes import code_of_status, http_status
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ErrorCode

PASSING = frozenset({ErrorCode.RATE_LIMIT, ErrorCode.PROVIDER_DOWN, ErrorCode.CONNECTION, ErrorCode.TIMEOUT})
# Of this provider alone: another one may well answer.
ITS_OWN = frozenset({ErrorCode.AUTH, ErrorCode.PERMISSION, ErrorCode.MODEL_NOT_FOUND})
# Said before an answer begins. Of a time-out or a broken connection nobody knows what the provider had done by then.
REFUSALS = ITS_OWN | {
    ErrorCode.BAD_REQUEST, ErrorCode.CONTEXT_OVERFLOW, ErrorCode.RATE_LIMIT, ErrorCode.PROVIDER_DOWN,
}  # fmt: skip
SAID_LIMIT = 400

# The common errors of langchain-core, and by name what the clients below it raise while an answer streams.
_BY_NAME = {
    "ContextOverflowError": ErrorCode.CONTEXT_OVERFLOW,
    "ModelAuthenticationError": ErrorCode.AUTH,
    "ModelPermissionDeniedError": ErrorCode.PERMISSION,
    "ModelNotFoundError": ErrorCode.MODEL_NOT_FOUND,
    "ModelInvalidRequestError": ErrorCode.BAD_REQUEST,
    "ModelRateLimitError": ErrorCode.RATE_LIMIT,
    "ModelAPIError": ErrorCode.PROVIDER_DOWN,
    "ModelTimeoutError": ErrorCode.TIMEOUT,
    "ModelConnectionError": ErrorCode.CONNECTION,
    "ModelRefusalError": ErrorCode.OUTPUT_INVALID,
    "APITimeoutError": ErrorCode.TIMEOUT,
    "APIConnectionError": ErrorCode.CONNECTION,
    "TimeoutException": ErrorCode.TIMEOUT,
    "TimeoutError": ErrorCode.TIMEOUT,
    "TransportError": ErrorCode.CONNECTION,
    "ConnectionError": ErrorCode.CONNECTION,
    "JSONDecodeError": ErrorCode.PROVIDER_DOWN,
}
_OVERFLOW = re.compile(
    r"context.length|context.window|maximum context|prompt is too long|too many tokens", re.IGNORECASE
)
_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|credit balance is too low|billing", re.IGNORECASE)
_SECRETS = re.compile(r"\b(?:sk|pk|key)-[\w*.-]{6,}|Bearer \S+")


def explain(error: Exception, provider: str, model: str, key: str | None, *, began: bool) -> ExpertError | None:
    """Return what `error` of a call means, None when it is no failure of the provider's but a fault of ours.

    `began`: part of the answer had come. The key is kept out of the sentence, whoever put it there.
    """
    code = _code(error, began=began)
    if code is None:
        return None
    name, pattern = type(error).__name__, _SENTENCES[code]
    if code is ErrorCode.PERMISSION and _QUOTA.search(str(error)):
        pattern = "{provider} does not serve this account any more, its quota or credit is used up: {said}"
    elif _sends_on(http_status(error)):
        pattern = "{provider} sends on to another address, and prompts do not follow: enter the address where it is"
    elif code is ErrorCode.CONNECTION and (began or name == "RemoteProtocolError"):
        pattern = "{provider} ended its answer in the middle: the connection broke ({name})"
    elif code is ErrorCode.PROVIDER_DOWN and began:
        pattern = "{provider} sent something unreadable in the middle of its answer ({name}: {said})"
    said = _without_secrets(_said(error), key)
    sentence = pattern.format(provider=provider, model=model, name=name, said=said)
    return ExpertError(code, sentence, retry_after=_retry_after(error), provider=provider)


def _code(error: Exception, *, began: bool) -> ErrorCode | None:
    text = str(error)
    status = http_status(error)
    if status in (429, 402, 403, 400) and _QUOTA.search(text):
        # The account has no money left: nothing of ours that is raised or waited for helps, as BUDGET or RATE_LIMIT
        # would promise. Another provider may answer.
        return ErrorCode.PERMISSION
    if _sends_on(status):
        return ErrorCode.PERMISSION
    if status in (400, 413) and _OVERFLOW.search(text):
        return ErrorCode.CONTEXT_OVERFLOW
    names = [base.__name__ for base in type(error).__mro__]
    for name in names:  # the most particular first: a time-out is a connection error too in several of these trees
        if name in _BY_NAME:
            return _BY_NAME[name]
    if status is not None:
        return ErrorCode.PERMISSION if status == 402 else code_of_status(status)
    if "APIError" in names or "ResponseError" in names:  # an error that came as part of the stream
        return _in_stream(text)
    return ErrorCode.PROVIDER_DOWN if began else None


def _sends_on(status: int | None) -> bool:
    return status is not None and 300 <= status < 400


def _in_stream(text: str) -> ErrorCode:
    if _QUOTA.search(text):
        return ErrorCode.PERMISSION
    if _OVERFLOW.search(text):
        return ErrorCode.CONTEXT_OVERFLOW
    return ErrorCode.RATE_LIMIT if re.search(r"rate.?limit", text, re.IGNORECASE) else ErrorCode.PROVIDER_DOWN


_SENTENCES = {
    ErrorCode.AUTH: "{provider} refused the API key: {said}",
    ErrorCode.PERMISSION: "{provider} does not allow this: {said}",
    ErrorCode.MODEL_NOT_FOUND: "{provider} has no model {model}: {said}",
    ErrorCode.CONTEXT_OVERFLOW: "The question is too long for {provider}'s {model}: {said}",
    ErrorCode.RATE_LIMIT: "{provider} asked to slow down: {said}",
    ErrorCode.TIMEOUT: "{provider} did not answer in time ({name})",
    ErrorCode.CONNECTION: "{provider} cannot be reached: {said}",
    ErrorCode.PROVIDER_DOWN: "{provider} does not serve: {said}",
    ErrorCode.OUTPUT_INVALID: "{provider}'s {model} refused to answer: {said}",
    ErrorCode.BAD_REQUEST: "{provider} refused the request: {said}",
}


def _said(error: Exception) -> str:
    """Return the server's own words where it has some."""
    body = getattr(error, "body", None)  # of OpenAI's and Anthropic's clients
    found = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(found, dict):
        found = found.get("message")
    for said in (found, getattr(error, "error", None)):  # the latter of Ollama's
        if isinstance(said, str) and said.strip():
            return said.strip()
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    status, text = http_status(error), str(error).strip() or type(error).__name__
    return f"HTTP {status}" if status and len(text) > SAID_LIMIT else text


def _without_secrets(text: str, key: str | None) -> str:
    if key:
        text = text.replace(key, "[key]")
    clean = " ".join(_SECRETS.sub("[key]", text).split())
    return clean if len(clean) <= SAID_LIMIT else f"{clean[:SAID_LIMIT]} ..."


def _retry_after(error: Exception) -> float | None:
    """Return in how many seconds the provider wants to be asked again, None when it does not say."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        said = str(headers.get(name))
        with suppress(ValueError, TypeError):
            return max(0.0, float(said) / unit)
        with suppress(ValueError, TypeError):
            return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    return None
