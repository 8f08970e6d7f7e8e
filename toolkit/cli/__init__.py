"""The command line: a thin door to the same functions. Data goes to standard output, everything else to standard error.

Exit codes: 0 done, 1 a failure in our own code, 2 input that cannot be used, 3 done in part (failures are named),
130 interrupted.
"""

from toolkit.cli.app import main

__all__ = ["main"]
