"""Time and memory of training steps on images of 192 x 192 pixels, 36,864 positions of three channels.

    python -m benchmarks.images [--side 192] [--rows 1,4] [--positions learned,axes,fourier] [--strategy guided]
        [--checkpointing]

The model has 128 latents of width 192 and 4 layers, and masks 75 % of the pixels, which are random numbers. Every
size runs in a process of its own; memory is what the process needs beyond that before the model is built. The time
is that of the fastest of three steps, which other programs on the machine change least.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch

from benchmarks.elsewhere import Elsewhere
from benchmarks.machine import Machine, commit
from benchmarks.training import Training
from benchmarks.workloads import Workload
from sma_core.config import DecoderConfig, MaskingConfig, ModelConfig
from sma_core.memory import keep_freed_memory
from sma_core.nn.inputs import ContinuousInputs

REPEATS = 3


@dataclass(frozen=True)
class Images:
    """One cell of the table, as picklable values."""

    side: int
    rows: int
    positions: str
    strategy: str
    checkpointed: bool

    def build(self) -> Training:
        """Build the training to time."""
        length = self.side**2
        model = ModelConfig(
            max_length=length,
            positions=self.positions,
            grid=None if self.positions == "learned" else (self.side, self.side),
            embedding_width=192,
            latents=128,
            latent_width=192,
            layers=4,
            decoder=DecoderConfig(width=192),
        )
        masking = MaskingConfig(strategy=self.strategy, ratio=0.75, keys_per_query=576.0)
        workload = Workload("images", self.rows, length, model, masking, ContinuousInputs(3))
        return Training(workload, torch.device("cpu"), checkpointed=self.checkpointed)


def main() -> None:
    """Measure each cell and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--rows", default="1,4")
    parser.add_argument("--positions", default="learned,axes,fourier")
    parser.add_argument("--strategy", default="guided")
    parser.add_argument("--checkpointing", action="store_true", help="activation checkpointing")
    options = parser.parse_args()
    keep_freed_memory()
    print(f"commit {commit()}; {Machine.here().words()}; fastest of {REPEATS} steps")
    print("| positions | rows | parameters | s per step | MB above the start |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for positions in options.positions.split(","):
        for rows in map(int, options.rows.split(",")):
            size = Images(options.side, rows, positions, options.strategy, options.checkpointing)
            print(line(size), flush=True)


def line(images: Images) -> str:
    """Measure a cell and return its line of the table."""
    process = Elsewhere(images.build, torch.device("cpu"))
    seconds = min(process.seconds() for _ in range(REPEATS))
    figures = process.figures | process.close()
    memory = figures["peak_mb"] - figures["before_mb"]
    size = f"{images.positions} | {images.rows} | {figures['parameters']:,}"
    return f"| {size} | {seconds:.2f} | {memory:,.0f} |"


if __name__ == "__main__":
    main()
