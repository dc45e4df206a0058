"""What the contract's checks do with a plugin's parts: import, spawn, encode, train a step."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal

    from sma_core.config import ModelConfig, PretrainConfig
    from sma_core.data.batches import Batch
    from sma_core.data.blocks import Block
    from sma_core.data.records import RejectedRow, Row
    from sma_core.data.scaling import FeatureScale
    from sma_core.data.tokenizers import DiscreteTokenizer
    from sma_core.nn.inputs import Inputs
    from sma_core.plugins.registry import Registry
    from sma_core.plugins.specs import Reader, Splitter
    from sma_core.verbs.datasets import Source

    Encoder = Literal["cross-attention", "self-attention"]

MAX_LENGTH = 512

_IMPORT = """
import json, sys
import sma_core.plugins.registry
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
# Compiled extensions register helper modules that stand for no package: they have no file.
found = {module for module in new if getattr(sys.modules.get(module), "__file__", None)}
sys.stderr.write("\\n" + json.dumps(sorted(found - known)))
"""


def imported_by(reference: str) -> list[str]:
    """Name the third-party packages that importing an entry module and calling its hooks brings in.

    Done in a process of its own. Raises `RuntimeError` with the last line of the error when it fails.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _IMPORT, reference]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode:
        raise RuntimeError(last)
    names: list[str] = json.loads(last)
    return names


def call_in_new_process(reference: str, texts: list[str]) -> list[str | None]:
    """Call the check named ``reference`` in a spawned worker, as preparing data does."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_call, reference, texts).result()


def _call(reference: str, texts: list[str]) -> list[str | None]:
    module, _, attribute = reference.partition(":")
    target: Any = import_module(module)
    for part in attribute.split("."):
        target = getattr(target, part)
    answers: list[str | None] = target(texts)
    return answers


def read_some(
    registry: Registry, reader: Reader, path: Path, column: str | None, most: int
) -> list[Row | RejectedRow]:
    """Read at most ``most`` rows of a file, as preparing data does."""
    rows = registry.build(reader)(path, column, (), usual=registry.domain.columns)
    return list(islice(rows, most))


def read_blocks(registry: Registry, source: Source, most: int) -> list[Block]:
    """Read blocks of a file of numbers until there are ``most`` rows."""
    from sma_core.data.blocks import Block

    blocks, rows = [], 0
    for record in registry.build(source.reader)(source.path, source.columns, (), names=source.names):
        if isinstance(record, Block) and len(record):
            blocks.append(record)
            rows += len(record)
        if rows >= most:
            break
    return blocks


def scales(registry: Registry, source: Source, config: PretrainConfig) -> tuple[FeatureScale, FeatureScale]:
    """Prepare a file, and give the scale that was kept, and that of its training rows when it is read again."""
    import tempfile

    import numpy as np

    from sma_core.data.blocks import Block
    from sma_core.data.prepare import prepare
    from sma_core.data.scaling import fit_scale, without_sentinels
    from sma_core.data.store import Store
    from sma_core.verbs.inputs import values_request

    with tempfile.TemporaryDirectory() as cache:
        request = replace(values_request(registry, source, config.data, MAX_LENGTH), cache=Path(cache))
        train = Store.open(prepare(request).train)
        kept, numbers = train.scale, train.row_numbers.copy()
    assert kept is not None, "a store of numbers has a scale"
    records = request.reader(source.path, source.columns, (), names=source.names)
    blocks = [record for record in records if isinstance(record, Block)]
    rows = (
        without_sentinels(block.values[np.isin(block.numbers, numbers)], registry.domain.sentinels)
        for block in blocks
    )
    return kept, fit_scale(rows, kept.columns)


def small_model(encoder: Encoder = "cross-attention") -> ModelConfig:
    """Return the settings of a model that trains a step in milliseconds."""
    from sma_core.config import DecoderConfig, ModelConfig

    return ModelConfig(
        encoder=encoder,
        max_length=MAX_LENGTH,
        embedding_width=16,
        latents=4,
        latent_width=16,
        layers=1,
        cross_heads=2,
        heads=2,
        decoder=DecoderConfig(width=16, heads=2),
    )


def train_a_step(tokenizer: DiscreteTokenizer, config: PretrainConfig, rows: Sequence[str]) -> bool:
    """Whether one step on ``rows``, with the masking and kind of encoder of ``config``, leaves all finite."""
    from sma_core.data.batches import collate_encoded
    from sma_core.data.tokenizers import shorten
    from sma_core.nn.inputs import DiscreteInputs

    encoded = shorten(tokenizer.encode(list(rows)), MAX_LENGTH, tokenizer.separator_id)
    batch = collate_encoded(encoded, tokenizer.pad_id, max_length=MAX_LENGTH)
    return _step(batch, DiscreteInputs(tokenizer.vocabulary_size), config)


def train_a_step_on_values(block: Block, sentinels: Sequence[float], config: PretrainConfig) -> bool:
    """As `train_a_step`, on rows of numbers, standardised."""
    from sma_core.data.batches import collate_values
    from sma_core.data.scaling import fit_scale, without_sentinels
    from sma_core.nn.inputs import ContinuousInputs

    values = without_sentinels(block.values, sentinels)
    batch = collate_values(values[:16], fit_scale([values], block.names(())))
    return _step(batch, ContinuousInputs(1), config)


def _step(batch: Batch, inputs: Inputs, config: PretrainConfig) -> bool:
    import torch

    from sma_core.nn.model import SMA
    from sma_core.training.pretraining import PretrainObjective

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = SMA(small_model(config.model.encoder), inputs)
    masking = config.masking.model_copy(update={"layer": min(config.masking.layer, 1)})
    objective = PretrainObjective(module, masking, [])
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    loss, _ = objective.loss(batch, torch.Generator().manual_seed(0), 0)
    torch.autograd.backward([loss])
    optimizer.step()
    finite = all(bool(torch.isfinite(parameter).all()) for parameter in module.parameters())
    return finite and math.isfinite(float(loss.detach()))


def needed_by(splitter: Splitter, rows: int) -> dict[str, Any]:
    """Return what a splitter needs besides the rows: 0 and 1 in turn as labels, the second of five folds."""
    import numpy as np

    labels = (np.arange(rows) % 2)[:, None].astype(np.float64)
    offered = {"labels": labels, "kind": "binary", "folds": 5, "fold": 2}
    return {need: offered[need] for need in splitter.needs}


def head_shape(factory: Any, rows: int, length: int, outputs: int) -> tuple[int, ...]:  # noqa: ANN401 - any module
    """Return the shape a head gives for ``rows`` rows of ``length`` inputs."""
    import torch

    from sma_core.nn.encoder import Latents
    from sma_core.nn.heads import Encoded

    model = small_model()
    latents = Latents(torch.zeros(rows, model.latents, model.latent_width), None)
    real = torch.ones(rows, length, dtype=torch.bool)
    encoded = Encoded(latents, torch.zeros(rows, length, model.embedding_width), real)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        return tuple(factory(model, outputs)(encoded).shape)
