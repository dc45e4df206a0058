"""How several ranks hold one model: each a whole copy (DDP), or each a part of every tensor (FSDP2).

Both are torch's own. Names, shapes and checkpoints of the model stay what they are on one rank. What spreads
tensors takes half a second to import, so it is imported where something is spread.
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

from sma_core.config.models import Strategy
from sma_core.devices.device import FixedPrecision
from sma_core.devices.ranks import Ranks
from sma_core.errors import ConfigError

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

FixedStrategy = Literal["single", "ddp", "fsdp"]


def choose_strategy(name: Strategy, ranks: Ranks, precision: FixedPrecision) -> FixedStrategy:
    """Resolve ``auto``: ddp where there are several ranks; raises `ConfigError` for what cannot be."""
    if ranks.alone:
        return "single"
    if name == "single":
        raise ConfigError(
            f"training.strategy is single, but {ranks.size} ranks train together: use ddp or fsdp, or one rank"
        )
    if name == "fsdp" and precision == "fp16":
        raise ConfigError("training.strategy fsdp cannot scale the loss of fp16: use training.precision bf16")
    return "ddp" if name == "auto" else name


def shard(module: nn.Module) -> None:
    """Leave to each rank its part of every parameter: the trunk's layers one by one, and the rest together."""
    from torch.distributed.fsdp import fully_shard

    layers = [
        layer for name, layer in module.named_modules() if name.rpartition(".")[0].endswith("encoder.layers")
    ]
    for layer in layers:
        fully_shard(layer)
    fully_shard(module)


class Wrappable(Protocol):
    """What has a module that its loss calls."""

    forward: nn.Module


@contextmanager
def averaged_gradients(objective: Wrappable) -> Iterator[None]:
    """Wrap the objective's module inside, so that gradients are averaged over the ranks in the backward pass.

    The wrapper is gone before the ranks part: if it were the last to hold their process group, it would wait for
    gloo's threads, which wait for Python.
    """
    plain = objective.forward
    with warnings.catch_warnings():  # torch 2.6 knows no other name for what later versions rename
        warnings.simplefilter("ignore", FutureWarning)
        objective.forward = DistributedDataParallel(plain, broadcast_buffers=False, gradient_as_bucket_view=True)
    try:
        yield
    finally:
        objective.forward = plain
        gc.collect()


def no_gradient_sync(forward: object) -> AbstractContextManager[object]:
    """Let gradients of a backward pass stay on their rank, where more are to come before the step."""
    return forward.no_sync() if isinstance(forward, DistributedDataParallel) else nullcontext()


@contextmanager
def unsharded(module: nn.Module) -> Iterator[None]:
    """Let every rank hold all parameters inside, so that any method of the module can be called."""
    sharded = _if_imported("torch.distributed.fsdp", "FSDPModule")
    parts: list[Any] = [part for part in module.modules() if isinstance(part, sharded)]
    for part in parts:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
            part.set_reshard_after_forward(part is not module, recurse=False)


def full_tensor(tensor: Tensor) -> Tensor:
    """Return the whole of a tensor that may be spread over the ranks; each of them must ask."""
    return tensor.full_tensor() if _is_spread(tensor) else tensor


def distribute_like(tensor: Tensor, model: Tensor) -> Tensor:
    """Bring a whole tensor to the device of ``model``, and spread it over the ranks as that is."""
    moved = tensor.to(model.device)
    if not _is_spread(model):
        return moved
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(moved, model.device_mesh, model.placements)


def _is_spread(tensor: Tensor) -> TypeGuard[DTensor]:
    """Whether each rank holds a part of ``tensor``."""
    return isinstance(tensor, _if_imported("torch.distributed.tensor", "DTensor"))


def _if_imported(module: str, name: str) -> tuple[type, ...]:
    """Return a class to compare with, or none where nothing has imported its module: then nothing is of it."""
    found = sys.modules.get(module)
    return () if found is None else (getattr(found, name),)


def load_full_state(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load whole tensors by name; raises `RuntimeError` on a misfit, as ``load_state_dict`` does."""
    own: dict[str, Any] = module.state_dict()
    fitting = {
        name: distribute_like(tensor, own[name]) if name in own else tensor for name, tensor in tensors.items()
    }
    module.load_state_dict(fitting)
