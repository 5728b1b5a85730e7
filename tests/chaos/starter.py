"""A starter of consoles: it imports everything once, then each console is a fork that runs `main.py` on its own.

A console started this way is a process like any other, for the harness that kills it too; it only need not spend two
seconds on imports first. One line of JSON on stdin is one console, one line on stdout is its process id.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from contextlib import suppress
from pathlib import Path

import exchange_calendars  # noqa: F401 - as the one below, so that the forks need not

import ba2_trade_platform.serve  # noqa: F401
from tests.places import ROOT

MAIN = ROOT / "main.py"


def main() -> None:
    """Fork a console for each line read, until stdin ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        child = os.fork()
        if child == 0:
            become_console(asked["environment"], asked["log"])
        print(child, flush=True)


def become_console(environment: dict[str, str], log: str) -> None:
    """Run the console in this process, its words going to a file."""
    words = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (words, 1), (words, 2)):
        os.dup2(source, target)
    os.environ.update(environment)
    os.chdir(Path(log).parent)
    sys.argv = [str(MAIN)]
    code = 0
    try:
        runpy.run_path(str(MAIN), run_name="__main__")
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
