"""`profile`: where the time of a training step goes, by kind of operation, as torch's profiler sees it.

On a GPU the time is that of the device's own work. The profiler costs time itself: shares are what to read.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.reports import Found, Record
from benchmarks.step import OURS, PEER, SEED, Cell
from benchmarks.tables import table
from benchmarks.training import settle
from sma_core.devices.device import FixedPrecision

KINDS = {
    "products of weights": ("aten::mm", "aten::addmm", "aten::linear"),
    "products of attention": ("aten::bmm", "aten::baddbmm", "scaled_dot_product", "flash_attention"),
    "softmax": ("softmax",),
    "norms": ("layer_norm",),
    "GELU": ("gelu",),
    "copies and casts": ("copy", "clone", "contiguous", "aten::cat", "index", "gather", "take", "embedding"),
    "optimiser and clipping": ("adamw", "optimizer", "vector_norm", "foreach"),
}
"""What belongs to a kind: parts of an operation's name in small letters."""
REST = "everything else"
STEPS = 5


def kind_of(name: str) -> str:
    """Return the kind of an operation."""
    small = name.lower()
    if small in KINDS["products of weights"]:
        return "products of weights"
    return next((kind for kind, parts in KINDS.items() if any(part in small for part in parts)), REST)


def measure(
    workloads: Sequence[str], precision: FixedPrecision, device: str, *, peer: bool = False, tiny: bool = False
) -> Found:
    """Profile some steps of every workload, and of the peer's."""
    cells = [
        Cell(name, model, precision, False, device, tiny)
        for name in workloads
        for model in ((OURS, PEER) if peer else (OURS,))
    ]
    records = []
    for cell in cells:
        print(f"{cell.name}: {STEPS} steps", file=sys.stderr, flush=True)
        records.append(_of_one(cell))
    columns = ("kind of operation", *(f"{record['name']}, ms" for record in records))
    rows = [(kind, *(_share(record, kind) for record in records)) for kind in (*KINDS, REST)]
    rows.append(("all", *(f"{1e3 * sum(record['kinds'].values()):,.0f}" for record in records)))
    return Found(records, table(columns, rows), STEPS, SEED)


def _of_one(cell: Cell) -> Record:
    stepping = cell.build()
    settle(stepping)
    cuda = torch.device(cell.device).type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as seen:
        for _ in range(STEPS):
            stepping.step()
    kinds: Counter[str] = Counter()
    for event in seen.key_averages():
        own = event.self_device_time_total if cuda else event.self_cpu_time_total
        kinds[kind_of(event.key)] += own / 1e6 / STEPS
    seconds = sum(kinds.values())
    return {
        "name": cell.name,
        "value": cell.work().rows / seconds,
        "unit": "samples/s, profiled",
        "kinds": {kind: kinds[kind] for kind in (*KINDS, REST)},
    }


def _share(record: Record, kind: str) -> str:
    own, every = record["kinds"][kind], sum(record["kinds"].values())
    return f"{1e3 * own:,.0f} ({100 * own / every:.0f} %)"
