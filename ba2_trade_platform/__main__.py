"""Lets `python -m ba2_trade_platform` be the command line."""

from ba2_trade_platform.cli.commands import main

if __name__ == "__main__":
    main()
