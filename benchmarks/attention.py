"""Comparison of fused attention with three plain operations: `python benchmarks/attention.py`.

Prints the median time in ms of a forward and backward pass, for shapes of the recipes in fp32 and bf16. The result
is the reason why `sma_core.nn.attention.attend_with` uses plain operations in bf16 on the CPU.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

SHAPES = (
    (128, 4, 32, 32, 48),
    (128, 4, 32, 64, 48),
    (128, 4, 20, 32, 32),
    (32, 8, 128, 128, 48),
    (32, 8, 128, 512, 48),
)
"""(B, H, M, N, d): rows, heads, queries, inputs, head width."""


def fused(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Apply PyTorch's fused attention."""
    return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)


def plain(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Apply attention as matrix product, softmax and matrix product."""
    scores = torch.matmul(queries * queries.shape[-1] ** -0.5, keys.transpose(-2, -1))
    return torch.matmul(scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(dim=-1), values)


def milliseconds(
    attend: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], tensors: tuple[Tensor, ...], mask: Tensor
) -> float:
    """Return the time in ms of one forward and backward pass."""
    start = time.perf_counter()
    queries, keys, values = tensors
    attend(queries, keys, values, mask).sum().backward()  # type: ignore[no-untyped-call]
    return (time.perf_counter() - start) * 1e3


def main() -> None:
    """Time both kinds of attention, alternately, for every shape."""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; median of 15, in turn")
    for rows, heads, queries, inputs, width in SHAPES:
        for dtype in (torch.float32, torch.bfloat16):
            tensors = tuple(
                torch.randn(rows, heads, length, width).to(dtype).requires_grad_()
                for length in (queries, inputs, inputs)
            )
            lengths = torch.randint(inputs // 2, inputs, (rows, 1))
            mask = (torch.arange(inputs) < lengths)[:, None, None, :]  # (B, 1, 1, N)
            times = [(milliseconds(fused, tensors, mask), milliseconds(plain, tensors, mask)) for _ in range(18)]
            first, second = (statistics.median(column) for column in zip(*times[3:], strict=True))
            shape = f"B {rows} H {heads} M {queries} N {inputs} d {width}"
            print(f"{shape:<34} {dtype!s:<15} fused {first:7.1f} ms   plain {second:7.1f} ms")


if __name__ == "__main__":
    main()
