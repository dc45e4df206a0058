"""Write a safetensors file tensor by tensor, with one full tensor in memory at a time.

The library's writer first copies all tensors, three times the model's size in a checkpoint, and with fsdp needs
all of them on one rank. The format: 8 bytes with the header's length, a JSON header of names, types, shapes and
offsets, then the data. Files are read with the library.
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
"""Alignment in bytes of the tensor data, required by the format."""


def save_file(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors to a file; if they are sharded, the other ranks must call `gather` with the same tensors.

    Raises `OSError` if the file cannot be written, `CheckpointError` for an unsupported dtype.
    """
    header: dict[str, Any] = {}
    offset = 0
    for name, tensor in tensors.items():
        if tensor.dtype not in KINDS:
            raise CheckpointError(
                f"{name} holds {tensor.dtype}, which checkpoints do not support: use another dtype"
            )
        start, offset = offset, offset + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": KINDS[tensor.dtype], "shape": [*tensor.shape], "data_offsets": [start, offset]}
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % ALIGNED)
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for tensor in tensors.values():
            flat = full_tensor(tensor.detach()).cpu().contiguous().reshape(-1)
            file.write(flat.view(torch.uint8).numpy().data)


def gather(tensors: Mapping[str, Tensor]) -> None:
    """Gather sharded tensors together with rank 0, which writes them with `save_file`."""
    for tensor in tensors.values():
        full_tensor(tensor.detach())
