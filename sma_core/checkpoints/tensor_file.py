"""Writing a safetensors file tensor by tensor, so that only one of them is whole in memory at a time.

The library's own writer makes a copy of everything first: three times the model in a checkpoint, and with fsdp on
top of gathering everything on one rank. The format is small: eight bytes for the header's length, a JSON header of
names, kinds, shapes and places, then the bytes. Files are read with the library.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sma_core.devices.parallel import full_tensor
from sma_core.errors import CheckpointError

KINDS = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
ALIGNED = 8
"""Bytes; the tensors begin at a multiple of this, as the format asks for."""


def save_file(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors, also those that are spread over the ranks: the others call `gather` with the same ones.

    Raises `OSError` when the system does not let the file be written, and `CheckpointError` for a kind of number
    that the format has no name for.
    """
    header: dict[str, Any] = {}
    place = 0
    for name, tensor in tensors.items():
        if tensor.dtype not in KINDS:
            raise CheckpointError(
                f"{name} holds {tensor.dtype}, which a checkpoint cannot: use another kind of number"
            )
        begin, place = place, place + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": KINDS[tensor.dtype], "shape": [*tensor.shape], "data_offsets": [begin, place]}
    words = json.dumps(header, separators=(",", ":")).encode()
    words += b" " * (-len(words) % ALIGNED)
    with path.open("wb") as file:
        file.write(len(words).to_bytes(8, "little") + words)
        for tensor in tensors.values():
            flat = full_tensor(tensor.detach()).cpu().contiguous().reshape(-1)
            file.write(flat.view(torch.uint8).numpy().data)


def gather(tensors: Mapping[str, Tensor]) -> None:
    """Give this rank's parts of tensors that rank 0 writes; nothing is kept."""
    for tensor in tensors.values():
        full_tensor(tensor.detach())
