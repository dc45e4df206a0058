"""A training step never waits for the device: nothing in it turns a tensor's value into a number or a shape."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.training import Training
from benchmarks.workloads import WORKLOADS, small
from sma_core.nn import attention, model

WAITING = {
    "aten::_local_scalar_dense",
    "aten::equal",
    "aten::is_nonzero",
    "aten::masked_select",
    "aten::nonzero",
    "aten::unique_dim",
    "aten::_unique2",
}
"""What asks a GPU for values, and so waits until it has done all that was asked before."""


class Seen(TorchDispatchMode):
    """Notes the names of operations."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.name().split(".")[0])
        places = args[1] if func.name().startswith(("aten::index.Tensor", "aten::index_put")) else ()
        if any(isinstance(each, torch.Tensor) and each.dtype == torch.bool for each in places):
            self.names.add("aten::nonzero")  # a mask as an index asks how many there are
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_step_asks_for_no_value(name, monkeypatch):
    training = Training(small(WORKLOADS[name]), torch.device("cpu"), "bf16")
    training.step()
    with Seen() as looking:
        training.step()
    assert looking.names & WAITING, "on the CPU looking costs nothing, and saves work"
    for module in (model, attention):
        monkeypatch.setattr(module, "may_look", lambda tensor: False)
    with Seen() as seen:
        training.step()
    assert {"aten::mm", "aten::sort"} <= seen.names
    assert not seen.names & WAITING
