"""Starts the console; the same as `python -m ba2_trade_platform serve`."""

import sys

from ba2_trade_platform.cli.commands import main

if __name__ == "__main__":
    main(["serve", *sys.argv[1:]])
