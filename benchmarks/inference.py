"""`inference`: throughput of the encoder, as in `embed` and `predict`, in tokens/s.

A call encodes all rows of a workload in batches of at most ``BATCH_TOKENS`` padded inputs. The default of the
verbs (batches of similar length, no gradients) is compared with other precisions, with batches in file order, and
with the encoder of `transformers`' Perceiver. The effect of a precision on vectors is the maximum of 1 - cosine
similarity.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.reports import Found, Record
from benchmarks.tables import milliseconds, number, table
from benchmarks.timing import Spread, interleaved
from benchmarks.workloads import WORKLOADS, Workload, small
from sma_core.data.batching.batches import Batch
from sma_core.devices.device import FixedPrecision, autocast, is_native, seeded
from sma_core.models.loaded_run import of_similar_length
from sma_core.models.vectors import BATCH_TOKENS, latents_of
from sma_core.nn.heads import mean_latents
from sma_core.nn.model import SMA

SEED = 0
ROWS = {"chem-bucketed": 256, "protein-378": 64, "physics": 1024}
"""Rows per call; their lengths are drawn from `MIXED`."""
MIXED = {"chem-bucketed": (16, 160), "protein-378": (60, 1000)}
"""Minimum and maximum length; lengths are log-uniform, similar to real sets of texts."""
COLUMNS = ("rows", "how", "a call in ms (quartiles)", "tokens/s", "rows/s", "1 - cosine, at most")
ARITHMETICS: tuple[FixedPrecision, ...] = ("fp32", "bf16")
"""Precisions to measure if the device supports them natively."""
Encode = Callable[[Batch], Tensor]


@dataclass(frozen=True)
class Rows:
    """Rows of a workload and their lengths."""

    batch: Batch
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, name: str, count: int) -> Rows:
        """Draw ``count`` rows of the workload ``name``."""
        draws = np.random.default_rng(SEED)
        low, high = MIXED.get(name, (28, 28))
        lengths = np.exp(draws.uniform(np.log(low), np.log(high), count)).astype(np.int64)
        longest = int(lengths.max())
        work = replace(WORKLOADS[name], rows=count, longest=longest, lengths=lambda draws, rows: lengths)
        (batch,) = work.batches(1, SEED)
        return cls(batch, lengths)

    def part(self, places: NDArray[np.int64]) -> Batch:
        """Return a batch of the selected rows, padded to the longest one rounded up to a multiple of 8."""
        width = -(-int(self.lengths[places].max()) // 8) * 8
        inputs, mask = self.batch.inputs[places], self.batch.padding_mask[places]
        return Batch(inputs[:, :width], mask[:, :width], None, places)


def in_file_order(lengths: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield the row numbers of batches in file order, without sorting by length."""
    size = max(1, tokens // int(lengths.max()))
    for start in range(0, len(lengths), size):
        yield np.arange(start, min(start + size, len(lengths)))


def ours(module: SMA, device: torch.device, precision: FixedPrecision) -> Encode:
    """Return a function that computes mean latents, as in `embed`."""

    def encode(batch: Batch) -> Tensor:
        with autocast(device, precision):
            return mean_latents(latents_of(module, batch)).float()

    return encode


def eight_bits(module: SMA) -> SMA:
    """Return a copy with dynamic int8 quantization of the encoder's linear layers."""
    from torch.ao.quantization import quantize_dynamic

    quantized = copy.deepcopy(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it will move to another package
        quantize: Any = quantize_dynamic  # torch has no types for it
        quantized.encoder = quantize(quantized.encoder, {nn.Linear}, dtype=torch.qint8)
    return quantized


def theirs(workload: Workload, device: torch.device, precision: FixedPrecision) -> Encode:
    """Return a function that computes mean latents with the peer's encoder."""
    from benchmarks.peer import TextPeer

    with seeded(SEED):
        perceiver = TextPeer(workload.model).model.perceiver.to(device).eval()

    @torch.inference_mode()
    def encode(batch: Batch) -> Tensor:
        with autocast(device, precision):
            inputs, _, _ = perceiver.input_preprocessor(batch.inputs)
            mask = torch.where(batch.padding_mask, 0.0, torch.finfo(torch.float32).min)[
                :, None, None
            ]  # (B, 1, 1, N)
            latents = perceiver.embeddings(batch_size=len(inputs))
            outputs: Tensor = perceiver.encoder(latents, inputs=inputs, inputs_mask=mask).last_hidden_state
        return outputs.mean(dim=1).float()

    return encode


def measure(
    workloads: Sequence[str], device: str, *, peer: bool = False, repeats: int = 5, tiny: bool = False
) -> Found:
    """Measure all variants of each workload in rounds."""
    records: list[Record] = []
    for name in workloads:
        print(f"{name}: {repeats} rounds", file=sys.stderr, flush=True)
        records += _of_one_workload(name, torch.device(device), peer, repeats, tiny)
    return Found(records, table(COLUMNS, map(_line, records), left=2), repeats, SEED)


def _of_one_workload(name: str, device: torch.device, peer: bool, repeats: int, tiny: bool) -> list[Record]:
    work = small(WORKLOADS[name]) if tiny else WORKLOADS[name]
    rows = Rows.of(name, 4 if tiny else ROWS[name])
    with seeded(SEED):
        module = SMA(work.model, work.inputs).to(device).eval()
    ways: dict[str, tuple[Encode, Callable[..., Iterable[NDArray[np.int64]]]]] = {
        "fp32": (ours(module, device, "fp32"), of_similar_length),
        "fp32, in the order of the file": (ours(module, device, "fp32"), in_file_order),
    }
    native = [p for p in ARITHMETICS if is_native(p, device)]
    ways |= {p: (ours(module, device, p), of_similar_length) for p in native if p != "fp32"}
    if device.type == "cpu":
        ways["int8 weights"] = (ours(eight_bits(module), device, "fp32"), of_similar_length)
    if peer and rows.batch.inputs.dim() == 2:
        ways |= {f"transformers {p}": (theirs(work, device, p), of_similar_length) for p in native}
    padded = -(-rows.lengths // 8) * 8
    calls = {
        way: partial(_all, rows, encode, partial(order, padded, BATCH_TOKENS), device)
        for way, (encode, order) in ways.items()
    }
    exact = calls["fp32"]()
    moved = {way: _moved(exact, call()) for way, call in calls.items() if not way.startswith("transformers")}
    times = interleaved(calls, device, repeats, warm_up=1)
    return [_record(name, way, rows, times[way], moved.get(way)) for way in calls]


def _all(
    rows: Rows, encode: Encode, groups: Callable[[], Iterable[NDArray[np.int64]]], device: torch.device
) -> Tensor:
    """Encode all rows and return the vectors (n, D) in row order."""
    vectors: list[Tensor] = []
    order: list[NDArray[np.int64]] = []
    for places in groups():
        vectors.append(encode(rows.part(places).to(device)).cpu())
        order.append(places)
    return torch.cat(vectors)[np.argsort(np.concatenate(order))]


def _moved(exact: Tensor, other: Tensor) -> float:
    return float((1 - functional.cosine_similarity(exact.double(), other.double(), dim=1)).max())


def _record(name: str, way: str, rows: Rows, times: list[float], moved: float | None) -> dict[str, Any]:
    spread = Spread.of(times)
    return {
        "name": f"{name}, {way}",
        "value": int(rows.lengths.sum()) / spread.median,
        "unit": "tokens/s",
        "workload": name,
        "way": way,
        "rows": len(rows.lengths),
        "seconds": spread.to_json(),
        "moved": moved,
    }


def _line(record: Record) -> tuple[str, ...]:
    spread = Spread(**record["seconds"])
    return (
        f"{record['workload'].split('-')[0]}, {record['rows']:,}",
        record["way"],
        milliseconds(spread),
        number(record["value"]),
        number(record["rows"] / spread.median),
        "-" if record["moved"] is None else f"{record['moved']:.1e}",
    )
