"""`growth`: how time and memory of a training step grow with inputs, latents, rows and layers, one at a time.

All start from the paper's model for bytes: 128 latents of width 384, 6 layers, rows full of random letters. With
longer inputs the table of positions grows too. The exponent is the slope of the logarithms over the last three
sizes, where what does not grow weighs least: 1 is linear.
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
"""Sizes to try the command out with."""
ROWS = {"inputs": 1}
"""Rows of a batch where they are not what grows; 8 otherwise."""
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
    """One size of one axis, in plain values that a new process can be told."""

    axis: str
    value: int
    checkpointed: bool
    precision: FixedPrecision
    device: str
    tiny: bool = False

    @property
    def name(self) -> str:
        """What results are compared by."""
        kind = ", activation checkpointing" if self.checkpointed else ""
        return f"{self.axis} {self.value}{kind}, {self.precision}"

    def work(self) -> Workload:
        """Return a batch's sizes and the model."""
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
        """Build what is timed, before its first step."""
        device = torch.device(self.device)
        return Training(self.work(), device, self.precision, seed=SEED, checkpointed=self.checkpointed)


def memory_of(size: Size) -> dict[str, Any]:
    """Return the size of a new process before the model was built there, and its peak after some steps."""
    process = Elsewhere(size.build, torch.device(size.device))
    process.seconds()
    return process.figures | process.close()


def measure(
    axes: Sequence[str], precision: FixedPrecision, device: str, *, repeats: int = 5, tiny: bool = False
) -> Found:
    """Measure every axis in its turn, all of its sizes round by round, as they are and with checkpointing."""
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
    """Return the records of one line of a plot, by size."""
    found = [each for each in records if each["axis"] == axis and each["checkpointed"] is checkpointed]
    return sorted(found, key=lambda each: int(each["size"]))


def slope(sizes: Sequence[float], values: Sequence[float], last: int = 3) -> float:
    """Return the slope of the logarithms over the ``last`` sizes, by least squares."""
    x, y = (np.log(np.asarray(each[-last:], dtype=np.float64)) for each in (sizes, values))
    return float(np.polyfit(x, y, 1)[0])


def exponents(records: Sequence[Record]) -> str:
    """Draw the table of exponents: of time, of operations and of memory, for each line of a plot."""
    lines = []
    for axis in dict.fromkeys(record["axis"] for record in records):
        for kind in (False, True):
            found = series(records, axis, kind)
            sizes = [each["size"] for each in found]
            figures = (
                [each["seconds"]["median"] for each in found],
                [each["operations"] for each in found],
                [each["step_mb"] for each in found],
            )
            lines.append((axis, "on" if kind else "off", *(f"{slope(sizes, each):.2f}" for each in figures)))
    columns = ("grows", "activation checkpointing", "exponent of time", "of operations", "of memory")
    return table(columns, lines, left=2)
