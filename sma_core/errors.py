"""Errors that a user can cause, each one clear sentence, and the exit codes of the program.

The command line prints the sentence and leaves with the error's ``exit_code``; nothing else in the
package prints or exits.
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_CHECK_FAILED = 1
EXIT_USER = 2
EXIT_STOPPED = 75


class SmaError(Exception):
    """Base of all errors this package raises on purpose. Its text is one plain sentence."""

    exit_code = EXIT_USER


class UserError(SmaError):
    """Something the user can mend: a wrong name, file, column or setting."""


class ConfigError(UserError):
    """A setting is unknown, or has a value that is not allowed."""


class DataError(UserError):
    """A file cannot be read, or too many of its rows cannot be used."""


class PluginError(UserError):
    """A plugin is missing, broken, in conflict with another, or made for another version."""


class IncompatiblePluginError(PluginError):
    """A plugin was made for another major version of the contract."""


class CheckpointError(UserError):
    """A run folder or checkpoint is missing, damaged, or of a later format."""


class StoppedOnRequest(SmaError):
    """Training was asked to stop (Ctrl-C, SIGTERM); its state was saved first."""

    exit_code = EXIT_STOPPED


class OtherRankFailed(SmaError):
    """Rank 0 of several failed and has said why; the others leave with its exit code and say nothing."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
