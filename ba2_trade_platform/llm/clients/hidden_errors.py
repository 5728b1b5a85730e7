"""Hidden errors: finds those that a server sends as if all were well, by status 200."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ba2_trade_platform.llm.errors.said import ANSWERED_WELL, decoded, is_error, parsed

if TYPE_CHECKING:
    from httpx import Response

_WHOLE = ("application/json", "application/problem+json", "text/html")  # what is sent whole and never as a stream
_NO_SUCH_ADDRESS, _REFUSED = 404, 400


async def show_errors(response: Response) -> None:
    """Give an error that came with a good status a bad one, so that the client raises it; a hook of its HTTP library.

    A page for browsers is no answer of a model: the address is of something else.
    """
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200 or content_type not in _WHOLE:
        return
    await response.aread()
    if content_type == "text/html":
        response.status_code = _NO_SUCH_ADDRESS
    elif is_error(parsed(decoded(response.content))):
        response.status_code = _REFUSED
        response.extensions[ANSWERED_WELL] = True
