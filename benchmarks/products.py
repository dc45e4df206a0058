"""Peak rate of the machine: large square matrix products in a step's precision."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from functools import partial

import torch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SIZES = {"cpu": (512, 1024, 2048), "cuda": (2048, 4096, 8192)}


def products(device: torch.device, precision: str, sizes: tuple[int, ...] = ()) -> dict[str, Callable[[], object]]:
    """Return a matrix product to time for each size, by the name that `rate` expects."""
    works: dict[str, Callable[[], object]] = {}
    for size in sizes or SIZES[device.type]:
        left, right = (torch.randn(size, size, device=device).to(DTYPES[precision]) for _ in range(2))
        works[_name(precision, size)] = partial(torch.mm, left, right, out=torch.empty_like(left))
    return works


def rate(times: Mapping[str, list[float]], precision: str) -> float:
    """Return the FLOP/s of the fastest size, from the median times of `products`."""
    rates = []
    for name, seconds in times.items():
        kind, _, size = name.rpartition(" ")
        if kind == _name(precision, 0).rpartition(" ")[0]:
            rates.append(2 * int(size) ** 3 / statistics.median(seconds))
    return max(rates)


def _name(precision: str, size: int) -> str:
    return f"product {precision} {size}"
