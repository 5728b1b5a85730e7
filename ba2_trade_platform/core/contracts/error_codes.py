"""Error codes: map exceptions of any client library to our codes, and each code to its failure kind."""

from __future__ import annotations

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ErrorCode, FailureKind

_TRANSIENT = {
    ErrorCode.RATE_LIMIT,
    ErrorCode.PROVIDER_DOWN,
    ErrorCode.CONNECTION,
    ErrorCode.TIMEOUT,
    ErrorCode.MEMORY_STORE,
    ErrorCode.INTERRUPTED,
}
_UNKNOWN = {ErrorCode.OUTPUT_INVALID, ErrorCode.BUG}
KINDS: dict[ErrorCode, FailureKind] = {
    code: FailureKind.TRANSIENT
    if code in _TRANSIENT
    else FailureKind.UNKNOWN
    if code in _UNKNOWN
    else FailureKind.PERMANENT
    for code in ErrorCode
}
_BY_HTTP_STATUS = {
    400: ErrorCode.BAD_REQUEST,
    401: ErrorCode.AUTH,
    402: ErrorCode.PERMISSION,  # the account there is empty: no budget of ours that is raised helps
    403: ErrorCode.PERMISSION,
    404: ErrorCode.MODEL_NOT_FOUND,
    408: ErrorCode.TIMEOUT,
    413: ErrorCode.CONTEXT_OVERFLOW,
    422: ErrorCode.BAD_REQUEST,
    429: ErrorCode.RATE_LIMIT,
}
# By class name, so that no client library has to be imported: builtin and socket, httpx, requests, openai and its kin.
_TIMEOUTS = {"TimeoutError", "TimeoutException", "Timeout", "APITimeoutError"}
_CONNECTIONS = {"ConnectionError", "NetworkError", "APIConnectionError", "gaierror"}


def code_of(error: BaseException) -> ErrorCode:
    """Return the code of any exception: its own, by its HTTP answer, by its class, else BUG."""
    if isinstance(error, ExpertError):
        return error.code
    status = http_status(error)
    if status is not None:
        return code_of_status(status)
    names = {base.__name__ for base in type(error).__mro__}
    if names & _TIMEOUTS:
        return ErrorCode.TIMEOUT
    if names & _CONNECTIONS:
        return ErrorCode.CONNECTION
    return ErrorCode.BUG


def code_of_status(status: int) -> ErrorCode:
    """Return what an HTTP answer means, whichever client library raised it."""
    return _BY_HTTP_STATUS.get(status, ErrorCode.PROVIDER_DOWN if status >= 500 else ErrorCode.BAD_REQUEST)


def http_status(error: BaseException) -> int | None:
    """Return the HTTP status by which a provider turned a call away, None where it came to no such reply."""
    status = getattr(getattr(error, "response", None), "status_code", getattr(error, "status_code", None))
    return status if isinstance(status, int) and status >= 300 else None
