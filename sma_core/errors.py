"""Errors with one-sentence messages, and the exit codes of the program.

The command line prints the message and exits with the error's ``exit_code``; nothing else in the package prints or
exits.
"""

from __future__ import annotations

import errno

from sma_core.printable import shortened

EXIT_DONE = 0
EXIT_CHECK_FAILED = 1
EXIT_USER = 2
EXIT_DEFECT = 70
EXIT_STOPPED = 75
EXIT_INTERRUPTED = 130

DISK_ERRORS = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO", "EMFILE")
    if hasattr(errno, name)
)
"""Codes of `OSError` for a local disk that is full, read-only or broken, or too many open files."""


class SmaError(Exception):
    """Base of the errors that this package raises; the message is one sentence."""

    exit_code = EXIT_USER

    def __str__(self) -> str:
        """Return the message, shortened when a value in it is very long."""
        return shortened(super().__str__())


class UserError(SmaError):
    """An error that the user can correct: a wrong name, file, column or setting."""


class ConfigError(UserError):
    """A setting is unknown or has an invalid value."""


class DataError(UserError):
    """A file cannot be read, or too many of its rows are unusable."""


class PluginError(UserError):
    """A plugin is missing, broken, incompatible, or conflicts with another."""


class MissingPartError(ConfigError, PluginError):
    """A setting names a part of the method that no installed plugin provides."""


class IncompatiblePluginError(PluginError):
    """A plugin was made for another major version of the plugin API."""


class CheckpointError(UserError):
    """A run folder or checkpoint is missing, damaged, or of a later format."""


class StoppedOnRequest(SmaError):
    """Training stopped on request (Ctrl-C, SIGTERM), after its state was saved."""

    exit_code = EXIT_STOPPED


class OtherRankFailed(SmaError):
    """Rank 0 failed and reported the error; the other ranks exit with its code and print nothing."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
