"""`profile`: time of a training step by kind of operation, measured with torch's profiler.

On a GPU, the time is that of the device. The profiler has an overhead, so only shares are meaningful.
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
"""Kind of operation -> substrings of lower-case operation names."""
REST = "everything else"
STEPS = 5


def kind_of(name: str) -> str:
    """Return the kind of an operation."""
    lower = name.lower()
    if lower in KINDS["products of weights"]:
        return "products of weights"
    return next((kind for kind, parts in KINDS.items() if any(part in lower for part in parts)), REST)


def measure(
    workloads: Sequence[str], precision: FixedPrecision, device: str, *, peer: bool = False, tiny: bool = False
) -> Found:
    """Profile `STEPS` steps of every workload, optionally also with the peer."""
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
    with profile(activities=activities) as profiler:
        for _ in range(STEPS):
            stepping.step()
    kinds: Counter[str] = Counter()
    for event in profiler.key_averages():
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
    seconds, total = record["kinds"][kind], sum(record["kinds"].values())
    return f"{1e3 * seconds:,.0f} ({100 * seconds / total:.0f} %)"
