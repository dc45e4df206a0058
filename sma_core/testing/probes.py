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
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sma_core.config import MaskingConfig, ModelConfig
    from sma_core.data.records import RejectedRow, Row
    from sma_core.data.tokenizers import DiscreteTokenizer
    from sma_core.plugins.registry import Registry
    from sma_core.plugins.specs import Reader

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


def small_model() -> ModelConfig:
    """Return the settings of a model that trains a step in milliseconds."""
    from sma_core.config import DecoderConfig, ModelConfig

    return ModelConfig(
        max_length=MAX_LENGTH,
        embedding_width=16,
        latents=4,
        latent_width=16,
        layers=1,
        cross_heads=2,
        heads=2,
        decoder=DecoderConfig(width=16, heads=2),
    )


def train_a_step(tokenizer: DiscreteTokenizer, masking: MaskingConfig, rows: Sequence[str]) -> bool:
    """Whether one step on ``rows`` leaves the loss and all weights finite."""
    import torch

    from sma_core.data.batches import collate_encoded
    from sma_core.data.tokenizers import shorten
    from sma_core.nn.inputs import DiscreteInputs
    from sma_core.nn.model import SMA
    from sma_core.training.pretraining import PretrainObjective

    encoded = shorten(tokenizer.encode(list(rows)), MAX_LENGTH, tokenizer.separator_id)
    batch = collate_encoded(encoded, tokenizer.pad_id, max_length=MAX_LENGTH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = SMA(small_model(), DiscreteInputs(tokenizer.vocabulary_size))
    objective = PretrainObjective(module, masking, [])
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    loss = objective.loss(batch, torch.Generator().manual_seed(0), 0)
    torch.autograd.backward([loss])
    optimizer.step()
    finite = all(bool(torch.isfinite(parameter).all()) for parameter in module.parameters())
    return finite and math.isfinite(float(loss.detach()))


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
