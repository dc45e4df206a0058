"""Import, read and prepare a plugin's parts, without a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sma_core.children import child_command, child_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sma_core.config import PretrainConfig
    from sma_core.data.blocks import Block
    from sma_core.data.records import RejectedRow, Row
    from sma_core.data.scaling import FeatureScale
    from sma_core.plugins.registry import Registry
    from sma_core.plugins.specs import Reader, Splitter
    from sma_core.sources.data_sets import Source

MAX_LENGTH = 512

_IMPORT = """
import json, sys
import sma_core.plugins.registry
from sma_core.children import end_with_parent
end_with_parent()
before = set(sys.modules)
from importlib import import_module
name, _, attribute = sys.argv[1].partition(":")
target = import_module(name)
for part in filter(None, attribute.split(".")):
    target = getattr(target, part)
for hook in [value for key, value in vars(target).items() if key.startswith("sma_") and callable(value)]:
    hook()
known = {*sys.stdlib_module_names, "sma_core", name.partition(".")[0]}
new = {module.partition(".")[0] for module in set(sys.modules) - before}
# Compiled extensions register helper modules that belong to no package and have no file.
packages = {module for module in new if getattr(sys.modules.get(module), "__file__", None)}
sys.stderr.write("\\n" + json.dumps(sorted(packages - known)))
"""


def imported_by(reference: str) -> list[str]:
    """Return the third-party packages imported by an entry module and its hooks.

    Runs in a separate process. Raises `RuntimeError` with the last line of the error when it fails.
    """
    environment = child_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    command = child_command("-c", _IMPORT, reference)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode:
        raise RuntimeError(last)
    names: list[str] = json.loads(last)
    return names


def read_some(
    registry: Registry, reader: Reader, path: Path, column: str | None, most: int
) -> list[Row | RejectedRow]:
    """Read at most ``most`` rows of a file, as data preparation does."""
    from sma_core.data.plugin_code import read_texts

    rows = read_texts(registry.build(reader), path, column, (), usual=registry.domain.columns)
    return list(islice(rows, most))


def read_blocks(registry: Registry, source: Source, most: int) -> list[Block]:
    """Read blocks of a file of numbers until there are ``most`` rows."""
    from sma_core.data.blocks import Block
    from sma_core.data.record_faults import with_arrays

    blocks, rows = [], 0
    for record in registry.build(source.reader)(source.path, source.columns, (), names=source.names):
        if isinstance(record, Block) and len(record):
            blocks.append(with_arrays(record))
            rows += len(record)
        if rows >= most:
            break
    return blocks


def end_without_values(block: Block, sentinels: Sequence[float]) -> NDArray[np.bool_]:
    """Return whether the last position of each sequence (n,) has only missing values."""
    import numpy as np

    from sma_core.data.scaling import without_sentinels

    missing: NDArray[np.bool_] = np.asarray(np.isnan(without_sentinels(block.values, sentinels)).all(axis=1))
    lengths = block.sequences.lengths
    ends: NDArray[np.bool_] = np.zeros(len(block), dtype=np.bool_)
    ends[lengths > 0] = missing[block.sequences.offsets[1:][lengths > 0] - 1]
    return ends


def scales(registry: Registry, source: Source, config: PretrainConfig) -> tuple[FeatureScale, FeatureScale]:
    """Prepare a file; return the stored feature scale, and the scale of the training rows when read again."""
    import tempfile

    import numpy as np

    from sma_core.data.batching.held_out import split_held_out
    from sma_core.data.blocks import Block
    from sma_core.data.preparation.prepare import prepare
    from sma_core.data.record_faults import with_arrays
    from sma_core.data.scaling import fit_scale, without_sentinels
    from sma_core.feeds.feed import LabelColumns
    from sma_core.feeds.values import values_request

    with tempfile.TemporaryDirectory() as cache:
        request = values_request(registry, source, config.data, MAX_LENGTH, LabelColumns(()))
        request = replace(request, cache=Path(cache))
        store = prepare(request).open()
        train, _ = split_held_out(store.row_numbers, config.data.held_out, source.label)
        stored, numbers = store.scale(train), store.row_numbers[train]
    records = request.reader(source.path, source.columns, (), names=source.names)
    blocks = [with_arrays(record) for record in records if isinstance(record, Block)]
    kept = (block.take(np.flatnonzero(np.isin(block.numbers, numbers))) for block in blocks)
    rows = (without_sentinels(block.values, registry.domain.sentinels) for block in kept)
    return stored, fit_scale(rows, stored.columns)


def splitter_arguments(splitter: Splitter, rows: int) -> dict[str, Any]:
    """Return the extra arguments of a splitter: labels alternating between 0 and 1, and fold 2 of 5."""
    import numpy as np

    labels = (np.arange(rows) % 2)[:, None].astype(np.float64)
    available = {"labels": labels, "kind": "binary", "folds": 5, "fold": 2}
    return {need: available[need] for need in splitter.needs}
