"""`step`: a full training step (forward, backward, clipping, AdamW), compared with a peer and the peak rate."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from benchmarks.elsewhere import Elsewhere
from benchmarks.operations import operations
from benchmarks.products import products, rate
from benchmarks.reports import Found, Record
from benchmarks.tables import milliseconds, number, table
from benchmarks.timing import Spread, rounds, seconds
from benchmarks.training import Stepping, Training
from benchmarks.workloads import WORKLOADS, Workload, small
from sma_core.devices.device import FixedPrecision

SEED = 0
OURS, PEER = "sma", "transformers"
CALLS = {"cpu": 1, "cuda": 10}
"""Steps per timing; with several, the host can run ahead of a GPU, as in training."""
COLUMNS = (
    "workload",
    "model",
    "precision",
    "step in ms (quartiles)",
    "samples/s",
    "GFLOP",
    "of the machine's products",
    "peak MB",
    "above the program's own",
    "parameters",
)
NOTE = (
    "`transformers` is its PerceiverForMaskedLM (physics: PerceiverModel behind a linear map), with random masks"
    " on the same batches; it decodes all positions of its table, ours only hidden ones. GFLOP are counted in"
    " fp32 with plain attention. The machine's products are the fastest of several large square matrix products in"
    " the same precision, timed in the same rounds."
)


@dataclass(frozen=True)
class Cell:
    """Line of the table, as picklable values."""

    workload: str
    model: str
    precision: FixedPrecision
    compiled: bool
    device: str
    tiny: bool = False
    checkpointed: bool = False

    @property
    def kind(self) -> str:
        """Name of the model and its options."""
        ways = {"compiled": self.compiled, "activation checkpointing": self.checkpointed}
        return ", ".join([self.model, *(way for way, on in ways.items() if on)])

    @property
    def name(self) -> str:
        """Name of the record."""
        return f"{self.workload}, {self.kind}, {self.precision}"

    def work(self) -> Workload:
        """Return the workload; a small one if ``tiny``."""
        workload = WORKLOADS[self.workload]
        return small(workload) if self.tiny else workload

    def build(self) -> Stepping:
        """Build the training to time."""
        device = torch.device(self.device)
        if self.model == OURS:
            return Training(self.work(), device, self.precision, self.compiled, SEED, self.checkpointed)
        from benchmarks.peer import PeerTraining

        return PeerTraining(self.work(), device, self.precision, self.compiled, SEED)


def measure(
    workloads: Sequence[str],
    precisions: Sequence[FixedPrecision],
    device: str,
    *,
    peer: bool = False,
    compiled: bool = False,
    checkpointed: bool = False,
    repeats: int = 7,
    tiny: bool = False,
) -> Found:
    """Measure all models and precisions of each workload in rounds, together with matrix products."""
    records = []
    for name in workloads:
        models = (OURS, PEER) if peer else (OURS,)
        kinds = (False, True) if compiled else (False,)
        cells = [
            Cell(name, model, p, kind, device, tiny) for kind in kinds for p in precisions for model in models
        ]
        if checkpointed:
            cells += [Cell(name, OURS, p, False, device, tiny, checkpointed=True) for p in precisions]
        print(f"{name}: {len(cells)} models, {repeats} rounds", file=sys.stderr, flush=True)
        records += _of_one_workload(cells, repeats)
    lines = [_line(record) for record in records]
    text = table(COLUMNS, lines, left=3) + (f"\n\n{NOTE}" if peer else "")
    return Found(records, text, repeats, SEED)


def _of_one_workload(cells: Sequence[Cell], repeats: int) -> list[Record]:
    device = torch.device(cells[0].device)
    running = {cell: Elsewhere(cell.build, device) for cell in cells}
    _check(cells, running)
    timings = {cell.name: partial(process.seconds, CALLS[device.type]) for cell, process in running.items()}
    for precision in dict.fromkeys(cell.precision for cell in cells):
        for name, product in products(device, precision, sizes=(64,) if cells[0].tiny else ()).items():
            timings[name] = partial(seconds, product, device)
    times = rounds(timings, repeats, warm_up=1)
    figures = {cell: process.figures | process.close() for cell, process in running.items()}
    counted = {cell.model: _counted(cell) for cell in cells}
    return [_record(cell, times, counted[cell.model], figures[cell]) for cell in cells]


def _check(cells: Sequence[Cell], running: Mapping[Cell, Elsewhere]) -> None:
    """Raise `ConfigError` if the peer's number of parameters differs too much from ours."""
    sizes = {cell.model: int(running[cell].figures["parameters"]) for cell in cells if not cell.tiny}
    if PEER in sizes:
        from benchmarks.peer import check_sizes

        check_sizes(sizes[OURS], sizes[PEER])


def _counted(cell: Cell) -> int:
    """Return the FLOP of a step, counted in fp32 on the CPU."""
    return operations(Cell(cell.workload, cell.model, "fp32", False, "cpu", cell.tiny).build().step)


def _record(cell: Cell, times: dict[str, list[float]], counted: int, figures: dict[str, Any]) -> Record:
    spread, work = Spread.of(times[cell.name]), cell.work()
    limit = rate(times, cell.precision)
    return {
        "name": cell.name,
        "value": work.rows / spread.median,
        "unit": "samples/s",
        "workload": cell.workload,
        "model": cell.model,
        "precision": cell.precision,
        "compiled": cell.compiled,
        "kind": cell.kind,
        "rows": work.rows,
        "seconds": spread.to_json(),
        "operations": counted,
        "products_per_second": limit,
        "share_of_products": counted / spread.median / limit,
        **figures,
    }


def _line(record: Record) -> tuple[str, ...]:
    return (
        record["workload"],
        record["kind"],
        record["precision"],
        milliseconds(Spread(**record["seconds"])),
        number(record["value"]),
        number(record["operations"] / 1e9),
        f"{100 * record['share_of_products']:.0f} %",
        f"{record.get('peak_device_mb', record['peak_mb']):,.0f}",
        f"{record['peak_mb'] - record['before_mb']:,.0f}",
        f"{record['parameters']:,}",
    )
