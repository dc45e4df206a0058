"""Distribute a model over ranks: replicated (DDP) or sharded (FSDP2).

Parameter names, shapes and checkpoints are those of a single rank. ``torch.distributed.tensor`` takes 0.5 s to
import, so it is imported only for sharding.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeGuard

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from sma_core.config.training import DistributionStrategy
from sma_core.devices.device import FixedPrecision
from sma_core.devices.ranks import Ranks
from sma_core.errors import ConfigError

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

FixedStrategy = Literal["single", "ddp", "fsdp"]


def choose_strategy(name: DistributionStrategy, ranks: Ranks, precision: FixedPrecision) -> FixedStrategy:
    """Resolve ``auto``: ddp with several ranks; raises `ConfigError` for an invalid combination."""
    if ranks.alone:
        return "single"
    if name == "single":
        raise ConfigError(
            f"training.strategy is single, but the run has {ranks.size} ranks: use ddp or fsdp, or one rank"
        )
    if name == "fsdp" and precision == "fp16":
        raise ConfigError("training.strategy fsdp does not support fp16: use training.precision bf16")
    return "ddp" if name == "auto" else name


def shard(module: nn.Module) -> None:
    """Shard all parameters over the ranks: one unit per encoder layer, and one for the rest."""
    from torch.distributed.fsdp import fully_shard

    layers = [
        layer for name, layer in module.named_modules() if name.rpartition(".")[0].endswith("encoder.layers")
    ]
    for layer in layers:
        fully_shard(layer)
    fully_shard(module)


class Wrappable(Protocol):
    """An objective whose loss calls the module ``forward``."""

    forward: nn.Module


@contextmanager
def averaged_gradients(objective: Wrappable) -> Iterator[None]:
    """Wrap the objective's module in DDP, which averages gradients over ranks in the backward pass.

    The wrapper is deleted before the process group is destroyed: otherwise it could wait for gloo's threads, which
    wait for Python.
    """
    module = objective.forward
    with warnings.catch_warnings():  # renamed after torch 2.6
        warnings.simplefilter("ignore", FutureWarning)
        objective.forward = DistributedDataParallel(module, broadcast_buffers=False, gradient_as_bucket_view=True)
    try:
        yield
    finally:
        objective.forward = module
        gc.collect()


def no_gradient_sync(forward: object) -> AbstractContextManager[object]:
    """Return a context that skips gradient averaging, while gradients are accumulated."""
    return forward.no_sync() if isinstance(forward, DistributedDataParallel) else nullcontext()


@contextmanager
def unsharded(module: nn.Module) -> Iterator[None]:
    """Gather all parameters on every rank within the context, so that methods other than ``forward`` work."""
    sharded = _if_imported("torch.distributed.fsdp", "FSDPModule")
    submodules: list[Any] = [submodule for submodule in module.modules() if isinstance(submodule, sharded)]
    for submodule in submodules:
        submodule.set_reshard_after_forward(False, recurse=False)
        submodule.unshard()
    try:
        yield
    finally:
        for submodule in submodules:
            submodule.reshard()
            submodule.set_reshard_after_forward(submodule is not module, recurse=False)


def full_tensor(tensor: Tensor) -> Tensor:
    """Return the full tensor of a possibly sharded one; all ranks must call it."""
    return tensor.full_tensor() if _is_sharded(tensor) else tensor


def distribute_like(tensor: Tensor, model: Tensor) -> Tensor:
    """Move a full tensor to the device of ``model``, and shard it in the same way."""
    moved = tensor.to(model.device)
    if not _is_sharded(model):
        return moved
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(moved, model.device_mesh, model.placements)


def _is_sharded(tensor: Tensor) -> TypeGuard[DTensor]:
    """Return whether ``tensor`` is sharded over ranks."""
    return isinstance(tensor, _if_imported("torch.distributed.tensor", "DTensor"))


def _if_imported(module: str, name: str) -> tuple[type, ...]:
    """Return a class as a tuple for ``isinstance``; empty if its module is not imported, so has no instances."""
    imported = sys.modules.get(module)
    return () if imported is None else (getattr(imported, name),)


def load_full_state(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load full tensors by name; raises `RuntimeError` on a mismatch, as ``load_state_dict`` does."""
    current: dict[str, Any] = module.state_dict()
    distributed = {
        name: distribute_like(tensor, current[name]) if name in current else tensor
        for name, tensor in tensors.items()
    }
    module.load_state_dict(distributed)
