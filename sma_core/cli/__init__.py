"""The command line: one file per command, which turns options into settings and calls the verb.

These files import nothing heavy; the code of a verb is imported when its command runs.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program ``sma`` and exit with its status; signals are handled before anything else is imported."""
    from sma_core.signals import raising_terminated

    with raising_terminated():
        try:
            from sma_core.children import end_with_parent

            end_with_parent()
            from sma_core.cli.program.app import program

            program(arguments)
        except KeyboardInterrupt as error:
            from sma_core.cli.program.endings import end

            raise SystemExit(end(error, debug=False)) from None
