"""Cost of pre-training: FLOP, memory per rank, and hours for several numbers of GPUs.

    python -m benchmarks.cost [--domain chem] [--recipe paper] [--length 58] [--rows 1e9] [--ranks 1,8,64]

The FLOP are those of the matrix products of one step, forward and backward, counted by torch on the CPU; a GPU is
assumed to run at `--share` of `--peak` FLOP/s. Memory is that of weights, gradients and AdamW's moments in fp32,
without activations. Traffic is what a rank sends per step for gradients (ddp), or for weights and gradients
(fsdp), with NCCL's ring algorithms.
"""

from __future__ import annotations

import argparse

import torch
from torch.utils.flop_counter import FlopCounterMode

from sma_core.feeds.feed import new_feed
from sma_core.nn.inputs import DiscreteInputs
from sma_core.nn.masking import draw_noise
from sma_core.nn.model import SMA
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, pretrain_settings

BATCH = 4
BYTES = 4 * (1 + 1 + 2)  # weights, gradients, two moments


def main() -> None:
    """Count the FLOP of a step and print the costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domain", default="chem")
    parser.add_argument("--recipe", default="paper")
    parser.add_argument(
        "--length", type=int, default=None, help="inputs per row (default: the recipe's max_length)"
    )
    parser.add_argument("--rows", type=float, default=1e9)
    parser.add_argument("--ranks", default="1,8,64")
    parser.add_argument("--peak", type=float, default=989e12, help="peak FLOP/s of a GPU, dense bf16")
    parser.add_argument("--share", type=float, default=0.4)
    options = parser.parse_args()
    parameters, flop, length = counted(options.domain, options.recipe, options.length)
    print(
        f"{options.domain}, {options.recipe}: {parameters:,} parameters, "
        f"{flop / 1e9:.2f} GFLOP per row of length {length}"
    )
    rate = options.share * options.peak
    print(f"{options.rows:.3g} rows: {flop * options.rows:.3g} FLOP; {rate:.3g} FLOP/s per GPU")
    print("| ranks | hours | memory per rank, ddp | fsdp | sent per step and rank, ddp | fsdp |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for ranks in map(int, options.ranks.split(",")):
        hours = flop * options.rows / (ranks * rate) / 3600
        part = 4 * parameters * (ranks - 1) / ranks
        cells = (BYTES * parameters, BYTES * parameters / ranks, 2 * part, 3 * part)
        print(f"| {ranks} | {hours:,.1f} | " + " | ".join(f"{cell / 1e6:,.0f} MB" for cell in cells) + " |")


def counted(domain: str, recipe: str, length: int | None) -> tuple[int, float, int]:
    """Return the number of parameters, the FLOP per row of a training step, and the row length."""
    registry = Registry.load(domain)
    config = pretrain_settings(registry, Request(recipe)).config
    length = length or config.model.max_length
    inputs = new_feed(registry, config.data).inputs
    if isinstance(inputs, DiscreteInputs):
        rows = torch.randint(4, inputs.vocabulary_size, (BATCH, length))
    else:
        rows = torch.randn(BATCH, length, inputs.channels)
    model = SMA(config.model, inputs)
    noise = draw_noise(BATCH, model.encoder.query_count(length), length, torch.Generator(), "cpu")
    with FlopCounterMode(display=False) as counter:
        model(rows, torch.ones(BATCH, length, dtype=torch.bool), config.masking, noise).loss.backward()
    return sum(parameter.numel() for parameter in model.parameters()), counter.get_total_flops() / BATCH, length


if __name__ == "__main__":
    main()
