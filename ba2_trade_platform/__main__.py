"""Entry point: makes `python -m ba2_trade_platform` the same as the installed command line."""

from ba2_trade_platform.cli.commands import main

if __name__ == "__main__":
    main()
