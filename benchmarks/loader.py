"""`loader`: throughput of the data loader, compared with a training step and with copying memory.

Rows are random and prepared like any file. A call makes ``BATCHES`` batches of an epoch in shuffled order, in the
main process (``training.workers`` = 0). The store is also read directly, ``BLOCK`` rows at a time with cold
caches: in its own order, compared with copying the same number of bytes, and in random order, compared with taking
rows of the mean size from an array in memory.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch

from benchmarks.reports import Found, Record
from benchmarks.tables import milliseconds, number, table
from benchmarks.timing import Spread, rounds, seconds
from benchmarks.training import Training, settle
from benchmarks.workloads import WORKLOADS, Workload, small
from sma_core.data.batching.epochs import StoreSource
from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import PrepareRequest, ValuesRequest
from sma_core.data.readers.arrays import read_arrays
from sma_core.data.readers.lines import read_text
from sma_core.data.scaling import FeatureScale
from sma_core.data.store.store import Store
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.devices.device import choose_precision

SEED = 0
BATCHES = 64
BLOCK = 1 << 16
CACHES = 1 << 28
"""Number of bytes to copy to evict all caches."""
ROWS = {"chem-bucketed": 200_000, "chem-packed": 200_000, "protein-1024": 20_000, "physics": 200_000}
FEATURES = 28
COLUMNS = (
    "workload",
    "rows prepared a second",
    "a batch in ms (quartiles)",
    "loader, samples/s",
    "a step eats",
    "in",
    "times as much",
    "loader, GB/s",
    "store in its order, GB/s",
    "copying memory, GB/s",
    "store in drawn order, GB/s",
    "taking rows in memory, GB/s",
)


def source_of(name: str, folder: Path, rows: int, batch: int) -> tuple[StoreSource, Store, float]:
    """Write and prepare random rows; return the source of batches, the store, and the rows prepared per second."""
    draws = np.random.default_rng(SEED)
    longest = WORKLOADS[name].longest
    if name == "physics":
        file = folder / "rows.npy"
        np.save(file, draws.standard_normal((rows, FEATURES), dtype=np.float32))
        values = ValuesRequest(
            source=file, reader=read_arrays, reader_name="npy", cache=folder, max_length=FEATURES
        )
        data = prepare(values)
        names = tuple(map(str, range(FEATURES)))
        scale = FeatureScale(names, (0.1,) * FEATURES, (1.1,) * FEATURES)
        store = data.open()
        return StoreSource(store, batch, FEATURES, 0, SEED, scale=scale), store, rows / data.summary.seconds
    file = folder / "rows.txt"
    lengths = (
        draws.integers(340, 1024, rows) if name.startswith("protein") else draws.normal(60, 15, rows).clip(16)
    )
    letters = draws.integers(ord("A"), ord("Z") + 1, int(lengths.max())).astype(np.uint8).tobytes()
    file.write_bytes(b"".join(letters[: int(length)] + b"\n" for length in lengths))
    texts = PrepareRequest(
        source=file,
        reader=read_text,
        reader_name="text",
        cache=folder,
        max_length=longest,
        tokenizer=ByteTokenizer(),
    )
    data = prepare(texts)
    packing = "concat" if name == "chem-packed" else "single"
    store = data.open()
    source = StoreSource(store, batch, longest, ByteTokenizer.pad_id, SEED, packing)  # type: ignore[arg-type]
    return source, store, rows / data.summary.seconds


def measure(workloads: Sequence[str], *, repeats: int = 5, tiny: bool = False) -> Found:
    """Measure loader, training step and copying for each workload, in rounds."""
    records = []
    for name in workloads:
        print(f"{name}: {repeats} rounds", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            records.append(_of_one_workload(name, Path(folder), repeats, tiny))
    return Found(records, table(COLUMNS, map(_line, records)), repeats, SEED)


def _of_one_workload(name: str, folder: Path, repeats: int, tiny: bool) -> Record:
    work: Workload = small(WORKLOADS[name]) if tiny else WORKLOADS[name]
    rows = 2_000 if tiny else ROWS[name]
    source, store, prepared = source_of(name, folder, rows, work.rows)
    batches, precision = 4 if tiny else BATCHES, choose_precision("auto", torch.device("cpu"))
    training = Training(work, torch.device("cpu"), precision, seed=SEED)
    source.batches_in(0)  # plan the epoch before timing
    settle(training)
    order = np.arange(min(rows, BLOCK))
    drawn = np.random.default_rng(SEED).permutation(rows)[: len(order)]
    read, drawn_bytes = store.gather(order).nbytes, store.gather(drawn).nbytes
    sample = source.batch(0, 0)
    batch_bytes = sample.inputs.element_size() * sample.inputs.numel()
    block = np.ones(read, dtype=np.uint8)
    rows_in_memory = np.ones((rows, drawn_bytes // len(drawn)), dtype=np.uint8)
    cpu = torch.device("cpu")
    timings: dict[str, Callable[[], float]] = {
        "loader": partial(seconds, _walk(source, batches), cpu),
        "step": partial(seconds, training.step, cpu),
        "store": _cold(lambda: store.gather(order)),
        "copy": _cold(block.copy),
        "drawn": _cold(lambda: store.gather(drawn)),
        "taken": _cold(lambda: rows_in_memory.take(drawn, axis=0)),
    }
    times = rounds(timings, repeats, warm_up=1)
    spread = Spread.of([taken / batches for taken in times["loader"]])
    eaten = work.rows / Spread.of(times["step"]).median
    return {
        "name": name,
        "value": work.rows / spread.median,
        "unit": "samples/s",
        "seconds": spread.to_json(),
        "prepared_per_second": prepared,
        "eaten_per_second": eaten,
        "precision": precision,
        "bytes_per_second": batch_bytes / spread.median,
        "read_per_second": read / Spread.of(times["store"]).median,
        "copied_per_second": block.nbytes / Spread.of(times["copy"]).median,
        "drawn_per_second": drawn_bytes / Spread.of(times["drawn"]).median,
        "taken_per_second": rows_in_memory[: len(drawn)].nbytes / Spread.of(times["taken"]).median,
    }


def _cold(work: Callable[[], object]) -> Callable[[], float]:
    """Return a function that times ``work`` with cold caches."""
    filler = np.ones(CACHES, dtype=np.uint8)

    def timed() -> float:
        filler.copy()
        return seconds(work, torch.device("cpu"))

    return timed


def _walk(source: StoreSource, batches: int) -> Callable[[], object]:
    """Return a function that makes the next batches of the first epoch, cyclically."""
    indices = count()

    def walk() -> None:
        for _ in range(batches):
            source.batch(0, next(indices) % source.batches_in(0))

    return walk


def _line(record: Record) -> tuple[str, ...]:
    return (
        record["name"],
        number(record["prepared_per_second"]),
        milliseconds(Spread(**record["seconds"])),
        number(record["value"]),
        number(record["eaten_per_second"]),
        record["precision"],
        number(record["value"] / record["eaten_per_second"]),
        number(record["bytes_per_second"] / 1e9),
        number(record["read_per_second"] / 1e9),
        number(record["copied_per_second"] / 1e9),
        number(record["drawn_per_second"] / 1e9),
        number(record["taken_per_second"] / 1e9),
    )
