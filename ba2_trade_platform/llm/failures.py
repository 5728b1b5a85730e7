"""Provider errors: map a client library's exceptions to our code, a sentence and a retry-after."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.contracts.error_codes import http_status
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.llm.errors.meanings import MEANINGS, Meaning, of_status
from ba2_trade_platform.llm.errors.said import Said, headers_of, read_error
from ba2_trade_platform.llm.errors.waits import retry_after
from ba2_trade_platform.llm.errors.words import find
from ba2_trade_platform.llm.windows.refused import refused_window
from ba2_trade_platform.vocabulary import ErrorCode

PASSING = frozenset({ErrorCode.RATE_LIMIT, ErrorCode.PROVIDER_DOWN, ErrorCode.CONNECTION, ErrorCode.TIMEOUT})
# Of this provider alone: another one may well answer.
ITS_OWN = frozenset({ErrorCode.AUTH, ErrorCode.PERMISSION, ErrorCode.MODEL_NOT_FOUND, ErrorCode.CONTEXT_OVERFLOW})
# Said before an answer begins. Of a time-out or a broken connection nobody knows what the provider had done by then.
REFUSALS = ITS_OWN | {ErrorCode.BAD_REQUEST, ErrorCode.RATE_LIMIT, ErrorCode.PROVIDER_DOWN}
_WAITED = frozenset({408, 504, 524})
SAID_LIMIT = 400
LONGEST_WISH = 60.0  # seconds: whoever wants to be left alone for longer is not waited for within a call
_UNPACKED = "DecodingError"  # of a body that is no gzip although its header says so

# What no server said, by the names of the common errors of langchain-core and of the clients below it.
_BY_NAME = {
    "ContextOverflowError": "overflow",
    "ModelRefusalError": "refused",
    "ModelTimeoutError": "time_out",
    "ModelConnectionError": "unreachable",
    "APITimeoutError": "time_out",
    "APIConnectionError": "unreachable",
    "TimeoutException": "time_out",
    "TimeoutError": "time_out",
    "TransportError": "unreachable",
    "ConnectionError": "unreachable",
    "JSONDecodeError": "down",
    _UNPACKED: "down",
}
_IN_STREAM = frozenset({"APIError", "ResponseError"})  # an error that came as part of the stream
_NO_CHUNKS = "No generation chunks were returned"  # LangChain's word for a stream that ended before it began
_BROKEN = "RemoteProtocolError"
_SECRETS = re.compile(r"\b(?:(?:sk|pk|key|xai|nvapi)-|gsk_|AIza)[\w*.-]{6,}|Bearer \S+")


class ProviderError(ExpertError):
    """A failure of a provider, with what it comes to.

    `words` are the server's own in full, where they may be of the request's form; never to be shown. `window`: how
    many tokens the model holds by its refusal of a longer question, None where it did not say.
    """

    words: str = ""
    window: int | None = None

    def __init__(self, meaning: Meaning, sentence: str, *, retry_after: float | None, provider: str) -> None:
        super().__init__(meaning.code, sentence, retry_after=retry_after, provider=provider)
        self.meaning = meaning


def explain(
    error: Exception, provider: str, model: str, key: str | None, *, began: bool, vendor: str = ""
) -> ProviderError | None:
    """Return what `error` of a call means, None when it is no failure of the provider's but a fault of ours.

    `began`: part of the answer had come. `vendor` is the dialect that is spoken: its own words go before others'.
    The key is kept out of the sentence, whoever put it there.
    """
    said = read_error(error)
    meaning = _meaning(error, said, vendor, began=began)
    if meaning is None:
        return None
    name = type(error).__name__
    words = _without_secrets(said.words or _own_words(error, said), key)
    sentence = meaning.sentence.format(provider=provider, model=model, name=name, said=words)
    asked = retry_after(headers_of(error), said.wait, said.matter, datetime.now(UTC))
    if meaning.wait is not None and (asked is None or asked <= LONGEST_WISH):
        asked = meaning.wait
    told = ProviderError(meaning, sentence, retry_after=asked, provider=provider)
    if meaning.code is ErrorCode.CONTEXT_OVERFLOW and not began:
        told.window = refused_window(said.matter)
    return told


def is_turned_away(error: Exception) -> bool:
    """Tell whether a server refused before it worked; a proxy that waited in vain does not know."""
    status = http_status(error)
    return status is not None and status not in _WAITED


def others_may_answer(error: ExpertError) -> bool:
    """Tell whether the next provider is asked after this failure."""
    return error.code in PASSING | ITS_OWN or (isinstance(error, ProviderError) and error.meaning.elsewhere)


def _meaning(error: Exception, said: Said, vendor: str, *, began: bool) -> Meaning | None:
    names = {base.__name__ for base in type(error).__mro__}
    if type(error.__cause__).__name__ == _UNPACKED:
        return MEANINGS["down"]  # which OpenAI's and Anthropic's clients take for a connection that fails
    if said.status is not None or said.codes or said.texts:
        known = find(said, vendor)
        if said.status is not None and (known is None or said.status < 400):
            known = MEANINGS["no_address"] if said.page and said.status == 404 else of_status(said.status)
        if known is not None:
            return known
    for one in type(error).__mro__:  # the most particular first: a time-out is a connection error too in several trees
        if one.__name__ in _BY_NAME:
            return _as_it_came(_BY_NAME[one.__name__], names, began=began)
    if names & _IN_STREAM:
        return MEANINGS["down"]
    if not began and _NO_CHUNKS in str(error):
        return MEANINGS["never_began"]
    return MEANINGS["garbled"] if began else None


def _as_it_came(name: str, names: set[str], *, began: bool) -> Meaning:
    if name == "unreachable" and (began or _BROKEN in names):
        name = "broken_off"
    elif name == "down" and began:
        name = "garbled"
    return MEANINGS[name]


def _own_words(error: Exception, said: Said) -> str:
    """Return the exception's words, where the server had none."""
    if said.status is not None:
        return f"HTTP {said.status}"
    if isinstance(error, json.JSONDecodeError):
        return f"what it sent is no JSON: {error.msg}"
    if _UNPACKED in {type(error).__name__, type(error.__cause__).__name__}:
        return "what it sent is not packed as it says"
    return str(error).strip() or type(error).__name__


def _without_secrets(text: str, key: str | None) -> str:
    if key:
        text = text.replace(key, "[key]")
    clean = " ".join(clean_text(_SECRETS.sub("[key]", text)).split())
    return clean if len(clean) <= SAID_LIMIT else f"{clean[:SAID_LIMIT]} ..."
