"""Error bodies: reads status, codes and words of a server's error, for every server shapes them otherwise."""

from __future__ import annotations

import codecs
import html
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ba2_trade_platform.core.contracts.error_codes import http_status

LARGEST = 8_000_000  # characters: what is longer is no error that anybody wrote
TEXT_LIMIT = 2_000  # of one text: a question that is quoted back is no reason
PAGE_LIMIT = 600  # of a page: below are the links of its owner, to policies and bills
DEEPEST = 6
ITEMS = 5
# Set on a response whose status says that all is well, by whoever saw that its body does not.
ANSWERED_WELL = "answered_well"
_CODES = ("code", "type", "status", "reason", "error_code", "err_code", "status_code", "errorCode")
_TEXTS = ("message", "msg", "error_msg", "errorMessage", "error_message", "error_description", "status_msg", "title")
_NESTED = ("error", "errors", "detail", "details", "innererror", "inner_error", "metadata", "raw", "violations")
_TELLING = ("quotaId", "quotaMetric")  # of Gemini: which of its limits it is
_PAGE = re.compile(r"\s*(<!doctype html|<html|<head|<center)", re.IGNORECASE)
_TITLE = re.compile(r"<(title|h1)[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(script|style).*?</\1>|<[^>]+>", re.IGNORECASE | re.DOTALL)
_URL = re.compile(r"https?://\S+")


@dataclass
class Said:
    """What a server said: its HTTP status (None in the midst of a stream), the codes it gave, and its words.

    `wait` is in how many seconds it wants to be asked again, as the body has it; `page`: it was a page for browsers.
    """

    status: int | None = None
    codes: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    telling: list[str] = field(default_factory=list)
    wait: str | None = None
    page: bool = False

    @property
    def words(self) -> str:
        """What a person is shown, empty where the server said nothing."""
        return ": ".join(self.texts[:3])

    @property
    def matter(self) -> str:
        """What is looked through: its words without addresses, which are called billing and quota and what not."""
        return _URL.sub(" ", " ".join([*self.texts, *self.telling]))


def read_error(error: BaseException) -> Said:
    """Return what a client library's exception, or what it was raised for, holds of the server's answer."""
    said = Said()
    for one in _chain(error):
        status = status_of(one)
        body = _body_of(one)
        if status is None and body is None:
            continue
        said.status = status
        _read(said, body, 0)
        break
    if said.status is None:
        said.status = next((int(code) for code in sorted(said.codes) if re.fullmatch("[45]\\d\\d", code)), None)
    return said


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status by which a call was turned away, None where it says nothing."""
    response = getattr(error, "response", None)
    return None if ANSWERED_WELL in (getattr(response, "extensions", None) or ()) else http_status(error)


def headers_of(error: BaseException) -> Mapping[str, str]:
    """Return the headers of the answer that an exception was raised for."""
    for one in _chain(error):
        headers: Mapping[str, str] | None = getattr(getattr(one, "response", None), "headers", None)
        if headers:
            return headers
    return {}


def is_error(body: object) -> bool:
    """Tell whether a body that came as a good answer is an error: by its shape, whatever its words."""
    if not isinstance(body, Mapping):
        return isinstance(body, list) and bool(body) and is_error(body[0])
    if body.get("error") or body.get("errors"):
        return True
    base = body.get("base_resp")  # MiniMax
    if isinstance(base, Mapping) and base.get("status_code") not in (None, 0, "0"):
        return True
    return (
        not body.get("choices") and bool(body.keys() & {"code", "detail"}) and bool(body.keys() & {*_TEXTS, "detail"})
    )


def decoded(content: bytes) -> str:
    """Return the text of a body: UTF-8, UTF-16 where its mark says so, else Chinese, for no other is met."""
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = error.reason == "unexpected end of data"
        return content.decode("utf-8" if cut else "gb18030", "replace")


def parsed(text: str) -> object:
    """Return what JSON a text holds, the text itself where it holds none."""
    if len(text) <= LARGEST and text.lstrip("\ufeff \r\n\t")[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(text.lstrip("\ufeff"))
    return text


def _chain(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    for _ in range(DEEPEST):
        if one is None:
            return
        yield one
        one = one.__cause__ or one.__context__


def _body_of(error: BaseException) -> object | None:
    response = getattr(error, "response", None)
    if response is not None:
        try:
            content = response.content
        except Exception:  # noqa: BLE001 - of whichever HTTP library: the body was not read, or not to its end
            content = b""
        if content:
            return parsed(decoded(content))
    body = getattr(error, "body", None)  # of OpenAI's and Anthropic's clients
    found = body if body is not None else getattr(error, "error", None)  # the latter of Ollama's
    return parsed(found) if isinstance(found, str) else found if isinstance(found, Mapping | list) else None


def _read(said: Said, node: object, depth: int) -> None:
    if depth > DEEPEST:
        return
    if isinstance(node, str):
        inner = parsed(node)
        if isinstance(inner, str):
            _add_text(said, inner)
        else:
            _read(said, inner, depth + 1)
    elif isinstance(node, list):
        for item in node[:ITEMS]:
            _read(said, item, depth + 1)
    elif isinstance(node, Mapping):
        _read_mapping(said, node, depth)


def _read_mapping(said: Said, node: Mapping[Any, Any], depth: int) -> None:
    base = node.get("base_resp")
    if isinstance(base, Mapping):
        said.codes.add(f"base_resp.{base.get('status_code')}")
        _read(said, base.get("status_msg"), depth + 1)
    for name in _CODES:
        code = node.get(name)
        if isinstance(code, str | int) and not isinstance(code, bool) and 0 < len(str(code)) <= TEXT_LIMIT:
            said.codes.add(str(code).casefold())
            if " " in str(code):  # xAI has sentences for codes
                said.telling.append(str(code))
    said.telling += [str(node[name])[:TEXT_LIMIT] for name in _TELLING if isinstance(node.get(name), str)]
    if isinstance(node.get("retryDelay"), str):
        said.wait = node["retryDelay"]
    where = node.get("loc")  # of FastAPI; its `input` is our own question and no word of the server
    before = len(said.texts)
    for name in (*_TEXTS, *_NESTED):
        _read(said, node.get(name), depth + 1)
    if isinstance(where, list) and len(said.texts) > before:
        said.texts[before] = f"{'.'.join(map(str, where))[:200]}: {said.texts[before]}"


def _add_text(said: Said, text: str) -> None:
    if _PAGE.match(text[:TEXT_LIMIT]):
        said.page = True
        title = _TITLE.search(text[: 20 * TEXT_LIMIT])
        plain = " ".join(html.unescape(_TAG.sub(" ", text[: 20 * TEXT_LIMIT])).split())[:PAGE_LIMIT]
        said.telling.append(plain)
        text = html.unescape(title.group(2)) if title else plain
    clean = " ".join(text[:TEXT_LIMIT].split())
    if clean and clean not in said.texts:
        said.texts.append(clean)
