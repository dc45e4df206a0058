"""`growth`: time and memory of a training step as functions of inputs, latents, rows and layers.

The base is the paper's model for bytes (128 latents of width 384, 6 layers) on rows of random letters without
padding. The table of position embeddings grows with the number of inputs. Exponents are slopes on logarithmic
axes, fitted to the three largest sizes, where constant costs matter least; 1 is linear.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from benchmarks.elsewhere import Elsewhere
from benchmarks.operations import operations
from benchmarks.reports import Found, Record
from benchmarks.tables import milliseconds, number, table
from benchmarks.timing import Spread, interleaved
from benchmarks.training import Training, settle
from benchmarks.workloads import BYTES_MODEL, CHEM, Workload, small
from sma_core.devices.device import FixedPrecision

SEED = 0
AXES: dict[str, tuple[int, ...]] = {
    "inputs": (512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536),
    "latents": (32, 64, 128, 256, 512, 1024),
    "rows": (2, 4, 8, 16, 32, 64),
    "layers": (3, 6, 12, 24, 48),
}
FEW = {"inputs": (32, 64, 128), "latents": (2, 4), "rows": (1, 2), "layers": (1, 2)}
"""Sizes of ``--tiny``."""
ROWS = {"inputs": 1}
"""Batch size of an axis, unless it is the axis itself. Default: 8."""
COLUMNS = (
    "grows",
    "to",
    "activation checkpointing",
    "step in ms (quartiles)",
    "samples/s",
    "GFLOP",
    "MB above the program's own",
)


@dataclass(frozen=True)
class Size:
    """Size on an axis, as picklable values."""

    axis: str
    value: int
    checkpointed: bool
    precision: FixedPrecision
    device: str
    tiny: bool = False

    @property
    def name(self) -> str:
        """Name of the record."""
        kind = ", activation checkpointing" if self.checkpointed else ""
        return f"{self.axis} {self.value}{kind}, {self.precision}"

    def work(self) -> Workload:
        """Return the workload."""
        length = self.value if self.axis == "inputs" else 512
        base = Workload(self.name, ROWS.get(self.axis, 8), length, BYTES_MODEL, CHEM)
        if self.tiny:
            base = small(replace(base, longest=min(length, 128)))
        sizes = {"max_length": base.longest}
        if self.axis in ("latents", "layers"):
            sizes[self.axis] = self.value
        rows = self.value if self.axis == "rows" else base.rows
        return replace(base, rows=rows, model=base.model.model_copy(update=sizes))

    def build(self) -> Training:
        """Build the training to time."""
        device = torch.device(self.device)
        return Training(self.work(), device, self.precision, seed=SEED, checkpointed=self.checkpointed)


def memory_of(size: Size) -> dict[str, Any]:
    """Return the memory of a new process before building the model, and its peak after some steps."""
    process = Elsewhere(size.build, torch.device(size.device))
    process.seconds()
    return process.figures | process.close()


def measure(
    axes: Sequence[str], precision: FixedPrecision, device: str, *, repeats: int = 5, tiny: bool = False
) -> Found:
    """Measure all sizes of each axis in rounds, with and without activation checkpointing."""
    records: list[Record] = []
    for axis in axes:
        values = (FEW if tiny else AXES)[axis]
        sizes = [Size(axis, v, kind, precision, device, tiny) for v in values for kind in (False, True)]
        print(f"{axis}: {len(sizes)} sizes, {repeats} rounds", file=sys.stderr, flush=True)
        built = {size: size.build() for size in sizes}
        for training in built.values():
            settle(training)
        works = {size.name: training.step for size, training in built.items()}
        times = interleaved(works, torch.device(device), repeats, warm_up=1)
        del built, works
        records += [_record(size, times[size.name]) for size in sizes]
    text = "\n\n".join((table(COLUMNS, map(_line, records), left=3), exponents(records)))
    return Found(records, text, repeats, SEED)


def _record(size: Size, times: list[float]) -> Record:
    spread, rows = Spread.of(times), size.work().rows
    counted = operations(replace(size, precision="fp32", device="cpu", checkpointed=False).build().step)
    figures = memory_of(size)
    return {
        "name": size.name,
        "value": rows / spread.median,
        "unit": "samples/s",
        "axis": size.axis,
        "size": size.value,
        "checkpointed": size.checkpointed,
        "rows": rows,
        "seconds": spread.to_json(),
        "operations": counted,
        **figures,
        "step_mb": figures.get("peak_device_mb", figures["peak_mb"] - figures["before_mb"]),
    }


def _line(record: Record) -> tuple[str, ...]:
    return (
        record["axis"],
        f"{record['size']:,}",
        "on" if record["checkpointed"] else "off",
        milliseconds(Spread(**record["seconds"])),
        number(record["value"]),
        number(record["operations"] / 1e9),
        f"{record['step_mb']:,.0f}",
    )


def series(records: Sequence[Record], axis: str, checkpointed: bool) -> list[Record]:
    """Return the records of a series, sorted by size."""
    selected = [r for r in records if r["axis"] == axis and r["checkpointed"] is checkpointed]
    return sorted(selected, key=lambda record: int(record["size"]))


def slope(sizes: Sequence[float], values: Sequence[float], last: int = 3) -> float:
    """Return the least-squares slope on logarithmic axes over the ``last`` sizes."""
    x, y = (np.log(np.asarray(column[-last:], dtype=np.float64)) for column in (sizes, values))
    return float(np.polyfit(x, y, 1)[0])


def exponents(records: Sequence[Record]) -> str:
    """Return the table of exponents of time, FLOP and memory for each series."""
    lines = []
    for axis in dict.fromkeys(record["axis"] for record in records):
        for kind in (False, True):
            points = series(records, axis, kind)
            sizes = [point["size"] for point in points]
            figures = (
                [point["seconds"]["median"] for point in points],
                [point["operations"] for point in points],
                [point["step_mb"] for point in points],
            )
            slopes = (f"{slope(sizes, values):.2f}" for values in figures)
            lines.append((axis, "on" if kind else "off", *slopes))
    columns = ("grows", "activation checkpointing", "exponent of time", "of operations", "of memory")
    return table(columns, lines, left=2)
