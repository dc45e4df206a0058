"""Options of the reader of pictures: their size and their channels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import ConfigError, DataError

CHANNELS = {"L": ("grey",), "RGB": ("red", "green", "blue")}
"""Names of channels by mode, as Pillow calls the modes."""
_SIZE = re.compile(r"(\d{1,5})(?:x(\d{1,5}))?")


@dataclass(frozen=True)
class Shape:
    """The wanted size in pixels, rows and columns, and mode, L or RGB; None for those of the pictures."""

    size: tuple[int, int] | None
    mode: str | None

    @classmethod
    def of(cls, size: str | int | None, mode: str | None) -> Shape:
        """Parse ``size``, such as ``32`` or ``32x48``; raise `ConfigError` for another text or mode."""
        if mode is not None and mode not in CHANNELS:
            raise ConfigError(f"data.options.mode must be L (grey) or RGB, not {mode!r}")
        if size is None:
            return cls(None, mode)
        parts = _SIZE.fullmatch(str(size))
        if parts is None or not int(parts[1]) or not int(parts[2] or 1):
            raise ConfigError(f"data.options.size must be ROWSxCOLUMNS in pixels, such as 32x32, not {size!r}")
        return cls((int(parts[1]), int(parts[2] or parts[1])), mode)

    @property
    def converted(self) -> str:
        """The mode to which picture files are converted."""
        return self.mode or "RGB"

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels of picture files."""
        return CHANNELS[self.converted]


def check_equal(first: tuple[int, int], other: tuple[int, int], where: str, path: Path) -> None:
    """Raise `DataError` when a picture has another size than the first one."""
    if first != other:
        raise DataError(
            f"{path} has pictures of several sizes: {_said(first)} pixels first, {_said(other)} in {where}; scale "
            "all to one with data.options.size=ROWSxCOLUMNS"
        )


def _said(size: Sequence[int]) -> str:
    return " x ".join(map(str, size))
