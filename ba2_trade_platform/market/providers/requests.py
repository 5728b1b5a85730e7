"""Provider requests: rate limit, retries and error codes, so that each provider behaves alike."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from ba2_trade_platform.core.contracts.error_codes import KINDS, code_of
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ErrorCode, FailureKind

if TYPE_CHECKING:
    from limits.strategies import MovingWindowRateLimiter
    from tenacity import RetryCallState

log = logging.getLogger(__name__)
T = TypeVar("T")

ATTEMPTS = 3
PATIENCE_SECONDS = 15.0  # longer than that the worker's own back-off waits better: it frees the slot
FIRST_WAIT = 0.5
TIMEOUT_SECONDS = 15.0


@dataclass
class Asker:
    """Questions to one provider, from however many threads; `sleep` waits so many seconds."""

    provider: str
    per_minute: int
    sleep: Callable[[float], None] = time.sleep

    def ask(self, question: Callable[[], T], *, beforehand: bool = False) -> T:
        """Return the answer; what passes is asked for again, at most twice. Raises ExpertError.

        What is asked `beforehand` takes half of the rate, and does not wait for it: the rest is for who needs it now.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt  # noqa: PLC0415 - not for the start

        asking = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            retry=retry_if_exception(_passes),
            sleep=self.sleep,
            reraise=True,
        )
        answer: T = asking(self._once, question, beforehand)
        return answer

    def _once(self, question: Callable[[], T], beforehand: bool) -> T:
        if beforehand:
            self._require_spare()
        self._wait_for_turn()
        with explained(self.provider):
            return question()

    def _wait_for_turn(self) -> None:
        from limits import RateLimitItemPerMinute  # noqa: PLC0415 - not for the start

        rate, waited = RateLimitItemPerMinute(self.per_minute), 0.0
        while not self._limiter.hit(rate, self.provider):
            free_at = self._limiter.get_window_stats(rate, self.provider).reset_time
            seconds = max(0.1, free_at - time.time())
            if waited + seconds > PATIENCE_SECONDS:
                raise self._enough(seconds)
            self.sleep(seconds)
            waited += seconds

    def _require_spare(self) -> None:
        from limits import RateLimitItemPerMinute  # noqa: PLC0415 - not for the start

        spare, key = RateLimitItemPerMinute(max(1, self.per_minute // 2)), f"{self.provider} beforehand"
        if not self._limiter.hit(spare, key):
            # At least so long that nobody asks again at once: whoever asks beforehand has time.
            raise self._enough(PATIENCE_SECONDS + 1)

    def _enough(self, seconds: float) -> ExpertError:
        sentence = f"{self.provider} is asked {self.per_minute} times a minute already"
        return ExpertError(ErrorCode.RATE_LIMIT, sentence, retry_after=seconds, provider=self.provider)

    @cached_property
    def _limiter(self) -> MovingWindowRateLimiter:
        from limits.storage import MemoryStorage  # noqa: PLC0415 - not for the start
        from limits.strategies import MovingWindowRateLimiter  # noqa: PLC0415

        return MovingWindowRateLimiter(MemoryStorage())


def refusal(provider: str, status: int, retry_after: str | None = None) -> ExpertError:
    """Return what an HTTP status of a provider means."""
    code, sentence = {
        401: (ErrorCode.AUTH, "does not accept the key"),
        403: (ErrorCode.PERMISSION, "does not allow this key to read these prices"),
        404: (ErrorCode.SYMBOL_INVALID, "knows nothing by this name"),
        408: (ErrorCode.TIMEOUT, "took too long"),
        429: (ErrorCode.RATE_LIMIT, "asks to slow down"),
    }.get(status, (ErrorCode.PROVIDER_DOWN, "has trouble") if status >= 500 else (ErrorCode.BAD_REQUEST, "refuses"))
    asked_seconds = float(retry_after) if retry_after and retry_after.strip().isdigit() else None
    return ExpertError(code, f"{provider} {sentence} (HTTP {status})", retry_after=asked_seconds, provider=provider)


@contextmanager
def explained(provider: str) -> Iterator[None]:
    """Turn what a client library raises into an ExpertError; a bug of ours stays one."""
    try:
        yield
    except ExpertError:
        raise
    except ValueError as error:  # JSON that is none: a provider that shows a web page instead is down
        sentence = f"{provider} answered what cannot be read: {str(error)[:80]}"
        raise ExpertError(ErrorCode.PROVIDER_DOWN, sentence, provider=provider) from error
    except OSError as error:  # the errors of requests and of curl_cffi are all of this kind
        code = code_of(error)
        code = code if KINDS[code] is FailureKind.TRANSIENT else ErrorCode.CONNECTION
        words = "took too long" if code is ErrorCode.TIMEOUT else "cannot be reached"
        sentence = f"{provider} {words}: {type(error).__name__}"
        raise ExpertError(code, sentence, provider=provider) from error


def _passes(error: BaseException) -> bool:
    return (
        isinstance(error, ExpertError)
        and KINDS[error.code] is FailureKind.TRANSIENT
        and (error.retry_after or 0) <= PATIENCE_SECONDS
    )


def _wait(state: RetryCallState) -> float:
    from tenacity import wait_random_exponential  # noqa: PLC0415 - not for the start

    error = state.outcome.exception() if state.outcome else None
    asked_seconds = error.retry_after if isinstance(error, ExpertError) else None
    return asked_seconds if asked_seconds is not None else wait_random_exponential(multiplier=FIRST_WAIT)(state)
