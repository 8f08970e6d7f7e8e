"""The command line: a thin door to the same functions. Data goes to standard output, everything else to standard error.

Exit codes (``exit_codes.py``, ``docs/exit-codes.md``): 0 done, 1 a fault of ours, 2 bad input, 3 done in part,
4 incomplete where everything was wanted, 5 a budget was reached, 130 interrupted.
"""

from toolkit.cli.app import main

__all__ = ["main"]
