"""The command line: one file per command, which turns options into settings and calls the verb.

These files import nothing heavy; the code of a verb is imported when its command runs.
"""

from sma_core.cli.app import main

__all__ = ["main"]
