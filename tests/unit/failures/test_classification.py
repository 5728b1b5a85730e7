"""Classification of failures: the code, its kind, and the fingerprint that groups one with its like."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from ba2_trade_platform.core.contracts.error_codes import KINDS
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.failures.classification import classify, failure, fingerprint
from ba2_trade_platform.vocabulary import ErrorCode, FailureKind

TRANSIENT = {"RATE_LIMIT", "PROVIDER_DOWN", "CONNECTION", "TIMEOUT", "MEMORY_STORE", "INTERRUPTED"}
UNKNOWN = {"OUTPUT_INVALID", "BUG"}


class HttpLikeError(Exception):
    """An error of a client library that carries its answer's status."""

    def __init__(self, status: object, *, nested: bool) -> None:
        super().__init__(f"the provider answered {status}")
        if nested:
            self.response = SimpleNamespace(status_code=status)
        else:
            self.status_code = status


class APIConnectionError(Exception):
    """As the clients of model providers call it."""


class APITimeoutError(APIConnectionError):
    """As the clients of model providers call it."""


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - to give it a traceback
        return caught


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_has_the_kind_of_the_design(code: ErrorCode) -> None:
    expected = "transient" if code.value in TRANSIENT else "unknown" if code.value in UNKNOWN else "permanent"
    assert KINDS[code] is FailureKind(expected)
    assert failure(code, "why").kind is KINDS[code]


@pytest.mark.parametrize("code", list(ErrorCode))
def test_an_expert_error_keeps_its_code_and_its_own_sentence(code: ErrorCode) -> None:
    found = classify(raised(ExpertError(code, "The key is wrong")))
    assert (found.code, found.message) == (code, "The key is wrong")


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "BAD_REQUEST"), (401, "AUTH"), (402, "PERMISSION"), (403, "PERMISSION"), (404, "MODEL_NOT_FOUND"),
        (408, "TIMEOUT"), (413, "CONTEXT_OVERFLOW"), (418, "BAD_REQUEST"), (422, "BAD_REQUEST"),
        (429, "RATE_LIMIT"), (500, "PROVIDER_DOWN"), (502, "PROVIDER_DOWN"), (503, "PROVIDER_DOWN"),
        (529, "PROVIDER_DOWN"), (200, "BUG"), ("429", "BUG"),
    ],
)  # fmt: skip
def test_an_http_answer_means_the_same_whichever_client_raised_it(status: object, code: str, nested: bool) -> None:
    assert classify(raised(HttpLikeError(status, nested=nested))).code == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TimeoutError("slow"), "TIMEOUT"),
        (TimeoutError(), "TIMEOUT"),
        (httpx.ReadTimeout("slow"), "TIMEOUT"),
        (APITimeoutError("slow"), "TIMEOUT"),
        (ConnectionResetError("gone"), "CONNECTION"),
        (BrokenPipeError(), "CONNECTION"),
        (httpx.ConnectError("refused"), "CONNECTION"),
        (APIConnectionError("refused"), "CONNECTION"),
        (socket.gaierror("no such host"), "CONNECTION"),
        (ZeroDivisionError("division by zero"), "BUG"),
        (KeyError("close"), "BUG"),
        (FileNotFoundError("prices.csv"), "BUG"),
        (MemoryError(), "BUG"),
    ],
)
def test_builtin_and_library_errors_get_the_code_of_what_happened(error: Exception, code: str) -> None:
    assert classify(raised(error)).code == code


def test_the_message_names_the_error_and_an_empty_one_is_named_too() -> None:
    assert classify(raised(ZeroDivisionError("division by zero"))).message == "ZeroDivisionError: division by zero"
    assert classify(raised(MemoryError())).message == "MemoryError"
    assert classify(raised(ExpertError(ErrorCode.AUTH, "  "))).message == "AUTH"


@pytest.mark.parametrize(
    ("said", "kept"),
    [("openai", "openai"), (" open\x00ai ", "openai"), ("", None), (None, None), (SimpleNamespace(), None), (7, None)],
)
def test_only_a_name_is_taken_for_the_provider_that_failed(said: object, kept: str | None) -> None:
    error = RuntimeError("broken")
    error.provider = said  # type: ignore[attr-defined]  # as other libraries' errors may carry anything
    assert classify(error).provider == kept


def test_a_providers_name_has_an_end() -> None:
    assert len(classify(ExpertError(ErrorCode.AUTH, "no", provider="x" * 500)).provider or "") == 80


def test_the_providers_wish_to_wait_is_kept() -> None:
    assert classify(raised(ExpertError(ErrorCode.RATE_LIMIT, "slow down", retry_after=7.0))).retry_after == 7.0


def test_the_traceback_leads_to_the_line_and_through_its_cause() -> None:
    try:
        try:
            raise KeyError("close")
        except KeyError as error:
            raise ValueError("no close") from error
    except ValueError as error:
        trace = classify(error).traceback or ""
    assert Path(__file__).name in trace
    assert "KeyError: 'close'" in trace
    assert trace.rstrip().endswith("ValueError: no close")


def test_a_huge_message_and_a_huge_traceback_are_cut_and_say_so() -> None:
    found = classify(raised(ValueError("x" * 1_000_000)))
    assert len(found.message) <= 4_000
    assert found.message.endswith("(cut)")
    assert found.traceback is not None
    assert len(found.traceback) < 70_000


def test_what_cannot_be_stored_is_taken_out_of_the_message() -> None:
    assert classify(raised(ExpertError(ErrorCode.AUTH, "bad \ud800 key\x00"))).message == "bad ? key"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AAPL has 299 bars up to 2005-03-10; 300 are needed", "MSFT has 12 bars up to 2011-01-03; 300 are needed"),
        ("order 1234567 was refused", "order 99 was refused"),
        ("no file 'a/b.csv'", "no file 'c.csv'"),
        ("GET https://api.example.com/v1/x?k=1 failed", "GET https://other.example.com/ failed"),
        ("request 3f2504e0-4f89-11d3-9a0c-0305e82c3301 died", "request 9a2504e0-4f89-11d3-9a0c-0305e82c33ff died"),
        ("at 2026-03-02T09:00:00Z it broke", "at 2026-03-03 10:11:12.5+02:00 it broke"),
        ("took 1,234.5 ms", "took 7 ms"),
        ("Slow   DOWN", "slow down"),
    ],
)
def test_equal_failures_share_a_fingerprint_whatever_their_particulars(one: str, other: str) -> None:
    codes = ErrorCode.DATA_MISSING
    assert failure(codes, one, "AAPL").fingerprint == failure(codes, other, "MSFT").fingerprint


def test_different_failures_have_different_fingerprints() -> None:
    seen = {
        failure(ErrorCode.AUTH, "the key is wrong").fingerprint,
        failure(ErrorCode.PERMISSION, "the key is wrong").fingerprint,
        failure(ErrorCode.AUTH, "the key has expired").fingerprint,
        fingerprint(ErrorCode.AUTH, "the key is wrong", "ba2_trade_platform.experts.a:ask"),
        fingerprint(ErrorCode.AUTH, "the key is wrong", "ba2_trade_platform.experts.b:ask"),
    }
    assert len(seen) == 5


def test_a_symbol_is_only_taken_out_as_a_word() -> None:
    assert fingerprint(ErrorCode.BUG, "A bad answer", "", "A") == fingerprint(
        ErrorCode.BUG, "MMM bad answer", "", "MMM"
    )
    assert fingerprint(ErrorCode.BUG, "A bad Answer", "", "A") != fingerprint(ErrorCode.BUG, "A bad bnswer", "", "A")
