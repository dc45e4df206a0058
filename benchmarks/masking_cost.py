"""Cost of choosing the mask: `python benchmarks/masking_cost.py [--device cuda] [--json FILE]`.

Times the training step (forward, backward, AdamW) with guided and random masks, and the choice of the mask alone
(noise, ranking, hiding) on precomputed projections, for workloads of the paper's sizes; also with guidance by a
trunk layer. Prints medians in ms and the share of the choice in the guided step.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sma_core.config import DecoderConfig, MaskingConfig, ModelConfig
from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs, Inputs
from sma_core.nn.masking import MaskNoise, draw_noise
from sma_core.nn.model import SMA
from sma_core.nn.strategies.choosing import choose_mask

REPEATS, WARM_UP = 15, 3


@dataclass(frozen=True)
class MaskingWorkload:
    """Batch size, padded length, model and masking."""

    name: str
    rows: int
    length: int
    inputs: Inputs
    model: ModelConfig
    masking: MaskingConfig


def workloads() -> list[MaskingWorkload]:
    """Return workloads of the paper's three domains, at the sizes used to time the authors' code."""
    text, floats = DiscreteInputs(262), ContinuousInputs(1)
    large = ModelConfig(max_length=1024)
    small = ModelConfig(
        max_length=28,
        embedding_width=128,
        latents=32,
        latent_width=256,
        layers=4,
        decoder=DecoderConfig(width=128),
    )
    return [
        MaskingWorkload("chem 32 x 512", 32, 512, text, large, MaskingConfig(ratio=0.3)),
        MaskingWorkload("chem 32 x 80", 32, 80, text, large, MaskingConfig(ratio=0.3)),
        MaskingWorkload("protein 8 x 1024", 8, 1024, text, large, MaskingConfig(ratio=0.15)),
        MaskingWorkload("physics 128 x 28", 128, 28, floats, small, MaskingConfig(ratio=0.2)),
    ]


class Bench:
    """Workload on a device."""

    def __init__(self, workload: MaskingWorkload, device: torch.device, precision: str) -> None:
        torch.manual_seed(0)
        self.workload, self.device = workload, device
        self.model = SMA(workload.model, workload.inputs).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, fused=True)
        self.generator = torch.Generator(device).manual_seed(0)
        shape = (workload.rows, workload.length)
        self.real = torch.ones(shape, dtype=torch.bool, device=device)
        discrete = isinstance(workload.inputs, DiscreteInputs)
        self.rows: Tensor = (
            torch.randint(6, 262, shape, device=device) if discrete else torch.randn(*shape, 1, device=device)
        )
        self.dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]

    def step(self, masking: MaskingConfig) -> None:
        """Run one optimizer step."""
        with self._autocast():
            loss = self.model(self.rows, self.real, masking, self._noise()).loss
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def choice(self, masking: MaskingConfig) -> Callable[[], None]:
        """Return a function that only chooses the mask, on precomputed projections."""
        with torch.no_grad(), self._autocast():
            situation = self.model.situation(self.rows, self.real, masking, self._noise())

        def choose() -> None:
            with self._autocast():
                choose_mask(situation._replace(noise=self._noise()))

        return choose

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def _noise(self) -> MaskNoise:
        rows, length = self.real.shape
        return draw_noise(rows, self.model.encoder.query_count(length), length, self.generator, self.device)


def milliseconds(work: Callable[[], None], device: torch.device) -> float:
    """Return the time in ms of one call, including work on the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) * 1e3


def measure(workload: MaskingWorkload, device: torch.device, precision: str) -> dict[str, float | str]:
    """Time all tasks in rounds and return medians."""
    bench, guided = Bench(workload, device, precision), workload.masking
    random = guided.model_copy(update={"strategy": "random"})
    by_trunk = guided.model_copy(update={"layer": 2})
    tasks: dict[str, Callable[[], None]] = {
        "step, guided": lambda: bench.step(guided),
        "step, random": lambda: bench.step(random),
        "choice, guided": bench.choice(guided),
        "choice, random": bench.choice(random),
        "choice, trunk layer 2": bench.choice(by_trunk),
    }
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(REPEATS + WARM_UP):
        for name, work in tasks.items():
            times[name].append(milliseconds(work, device))
    medians = {name: statistics.median(values[WARM_UP:]) for name, values in times.items()}
    share = 100 * medians["choice, guided"] / medians["step, guided"]
    return {"workload": workload.name, "precision": precision, **medians, "share of the step in %": share}


def main() -> None:
    """Measure every workload in both precisions and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or platform.machine()
    print(
        f"torch {torch.__version__}, {name}, {torch.get_num_threads()} threads; medians of {REPEATS}, ms, in turn"
    )
    results = [measure(workload, device, precision) for workload in workloads() for precision in ("fp32", "bf16")]
    columns = list(results[0])
    print("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns))
    for figures in results:
        print("| " + " | ".join(f"{v:.2f}" if isinstance(v, float) else v for v in figures.values()) + " |")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
