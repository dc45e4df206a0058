"""Names of tensors in checkpoints of earlier formats, to those of today.

Format 1 called the first attention ``encoder.cross``; since there is a self-attention encoder it is
``encoder.first``.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

FORMAT_VERSION = 2
_RENAMED = {1: ("encoder.cross.", "encoder.first.")}
"""Format -> what a part of a name was called in it, and is called in the next."""


def upgraded(tensors: Mapping[str, Tensor], written: int) -> dict[str, Tensor]:
    """Rename tensors (of the model, or ``moment.parameter`` of the optimiser) of format ``written``."""
    current = dict(tensors)
    for version in range(written, FORMAT_VERSION):
        old, new = _RENAMED[version]
        current = {name.replace(old, new, 1): tensor for name, tensor in current.items()}
    return current
