"""What a pre-training costs: counted operations, memory a rank, and hours on so many GPUs.

    python benchmarks/cost.py [--domain chem] [--recipe paper] [--length 58] [--rows 1e9] [--ranks 1,8,64]

Operations are those of the matrix products of one step, forward and backward, counted by torch while it runs on
the CPU; a GPU is taken to do `--share` of `--peak` operations a second. Memory is that of weights, gradients and
AdamW's moments in fp32, without activations. Traffic is what a rank sends for the gradients (ddp), or for weights
and gradients (fsdp), by the rings of NCCL.
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
    """Count one step and print two tables."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--domain", default="chem")
    options.add_argument("--recipe", default="paper")
    options.add_argument(
        "--length", type=int, default=None, help="inputs of a row; empty: the most the recipe reads"
    )
    options.add_argument("--rows", type=float, default=1e9)
    options.add_argument("--ranks", default="1,8,64")
    options.add_argument("--peak", type=float, default=989e12, help="operations a second of a GPU, dense bf16")
    options.add_argument("--share", type=float, default=0.4)
    chosen = options.parse_args()
    parameters, each, length = counted(chosen.domain, chosen.recipe, chosen.length)
    print(f"{chosen.domain}, {chosen.recipe}: {parameters:,} parameters, {each / 1e9:.2f} GFLOP a row of {length}")
    rate = chosen.share * chosen.peak
    print(f"{chosen.rows:.3g} rows: {each * chosen.rows:.3g} FLOP; a GPU does {rate:.3g} a second")
    print("| ranks | hours | memory a rank, ddp | fsdp | sent a step and rank, ddp | fsdp |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for ranks in map(int, chosen.ranks.split(",")):
        hours = each * chosen.rows / (ranks * rate) / 3600
        part = 4 * parameters * (ranks - 1) / ranks
        cells = (BYTES * parameters, BYTES * parameters / ranks, 2 * part, 3 * part)
        print(f"| {ranks} | {hours:,.1f} | " + " | ".join(f"{cell / 1e6:,.0f} MB" for cell in cells) + " |")


def counted(domain: str, recipe: str, length: int | None) -> tuple[int, float, int]:
    """Return the parameters, the operations of one row's step, and the row's length."""
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
    return sum(each.numel() for each in model.parameters()), counter.get_total_flops() / BATCH, length


if __name__ == "__main__":
    main()
