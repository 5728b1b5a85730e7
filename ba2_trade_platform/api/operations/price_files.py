"""Price file endpoints: check the folder of price files, and report each file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console, Limit
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.contracts import price_files

router = APIRouter(prefix="/price-files", tags=["prices"])
After = Annotated[str | None, Query(max_length=255, description="next_cursor of the page before")]


class PriceFileState(Answer, of=price_files.PriceFileReport):
    """One file: how it was understood, what was done to it, or why it is refused."""

    sentence: str


class PriceFileCheck(Answer, of=price_files.FolderCheck, but=("files",)):
    """How the newest check stands; of `files`, those after the cursor. `possible`: prices come from a folder."""

    possible: bool = True
    refused: int
    sentence: str
    items: list[PriceFileState] = []
    next_cursor: str | None = None


def answer_of(
    check: price_files.FolderCheck, shown: Sequence[price_files.PriceFileReport] | None = None
) -> PriceFileCheck:
    """Return a check as an answer with the files that are `shown`, all where it is not said."""
    answer = PriceFileCheck.model_validate(check)
    answer.items = [PriceFileState.model_validate(file) for file in (check.files if shown is None else shown)]
    return answer


@router.get("")
def read_check(
    console: Console, state: price_files.FileState | None = None, cursor: After = None, limit: Limit = 200
) -> PriceFileCheck:
    """Return the newest check, and the files of one state or of all, by name."""
    checks = console.operations.price_checks
    newest = checks.newest
    if newest is None:
        none_yet = answer_of(price_files.FolderCheck(""))
        none_yet.sentence, none_yet.possible = "The price files were not checked yet", checks.possible
        return none_yet
    wanted = [file for file in newest.files if state in {None, file.state} and file.file > (cursor or "")]
    answer = answer_of(newest, wanted[:limit])
    answer.next_cursor = wanted[limit - 1].file if len(wanted) > limit else None
    return answer


@router.post("/check", status_code=202, responses=documented(409))
def start_check(console: Console, asker: Asker) -> PriceFileCheck:
    """Begin a check; known files are not read again."""
    return PriceFileCheck.model_validate(console.operations.price_checks.start(by=asker))


@router.post("/cancel", responses=documented(409))
def cancel_check(console: Console, asker: Asker) -> PriceFileCheck:
    """Give the check up that is under way; what it has read is kept."""
    return PriceFileCheck.model_validate(console.operations.price_checks.cancel(by=asker))
