"""Rename tensors of checkpoints in earlier formats.

Format 1 named the first attention ``encoder.cross``; format 2 names it ``encoder.first``.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

FORMAT_VERSION = 2
_RENAMED = {1: ("encoder.cross.", "encoder.first.")}
"""Format -> prefix of names in it, and the prefix in the next format."""


def upgraded(tensors: Mapping[str, Tensor], written: int) -> dict[str, Tensor]:
    """Rename tensors of the model or optimiser from format ``written`` to the current one."""
    current = dict(tensors)
    for version in range(written, FORMAT_VERSION):
        old, new = _RENAMED[version]
        current = {name.replace(old, new, 1): tensor for name, tensor in current.items()}
    return current
