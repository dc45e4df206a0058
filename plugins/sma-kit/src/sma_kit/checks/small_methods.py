"""Small batches, modules and labels on which parts of the method are tried.

Shapes: B rows, N padded length, K positions to reconstruct, C channels or classes, V vocabulary size, n labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sma_kit.checks.small_models import EncoderName, small_model

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from sma_core.config import MaskingConfig
    from sma_core.nn.losses.reconstruction import Reconstruction
    from sma_core.nn.masking import Mask

LENGTHS = (1, 2, 5, 16)
"""Lengths of the rows of a batch."""
VOCABULARY = 30
STEPS = 20


def masking_settings() -> MaskingConfig:
    """Return settings that hide a third of each row."""
    from sma_core.config import MaskingConfig

    return MaskingConfig(ratio=0.34, layer=0)


def choose_mask(strategy: Any, encoder: EncoderName) -> tuple[Mask, Tensor]:  # noqa: ANN401 - see Strategy
    """Return the mask that a strategy chooses for a fixed batch, and which positions may be hidden (B, N).

    Every third position of the longest row may not, as if its value were missing.
    """
    import torch

    from sma_core.nn.inputs import DiscreteInputs
    from sma_core.nn.masking import draw_noise
    from sma_core.nn.model import SMA

    generator = torch.Generator().manual_seed(0)
    rows, length = len(LENGTHS), max(LENGTHS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SMA(small_model(encoder), DiscreteInputs(VOCABULARY))
    ids = torch.randint(VOCABULARY, (rows, length), generator=generator)
    padding_mask = torch.arange(length) < torch.tensor(LENGTHS)[:, None]
    noise = draw_noise(rows, network.encoder.query_count(length), length, generator, "cpu")
    with torch.no_grad():
        situation = network.situation(ids, padding_mask, masking_settings(), noise)
        candidates = padding_mask.clone()
        candidates[-1, ::3] = False
        return strategy.choose(situation._replace(padding_mask=candidates)), candidates


def reconstruct(loss: Any, discrete: bool, masked: bool) -> tuple[Reconstruction, Tensor, Tensor]:  # noqa: ANN401
    """Return a loss of random outputs, its gradient (B, K, V or C), and which outputs count, of the same shape.

    Numbers have two channels; for a loss with the parameter ``known`` the second one of some is missing.
    """
    import inspect

    import torch

    from sma_core.nn.masking import Mask

    generator = torch.Generator().manual_seed(0)
    positions = torch.tensor([[0, 2, 4], [1, 3, 0]])
    valid = torch.tensor([[True, True, True], [True, True, False]]) & masked
    outputs = torch.randn(2, 3, VOCABULARY if discrete else 2, generator=generator).requires_grad_()
    if discrete:
        targets = torch.randint(VOCABULARY, (2, 5), generator=generator)
    else:
        targets = torch.randn(2, 5, 2, generator=generator)
    hidden = torch.zeros(2, 5, dtype=torch.bool).scatter(1, positions, valid)
    counting, known = valid[:, :, None].expand_as(outputs), {}
    if not discrete and "known" in inspect.signature(loss).parameters:
        known = {"known": torch.tensor([[1, 1], [1, 0], [1, 1]], dtype=torch.bool).expand_as(outputs)}
        counting = counting & known["known"]
    result = loss(outputs, targets, Mask(hidden, positions, valid), **known)
    torch.autograd.backward([result.loss])
    gradient = outputs.grad if outputs.grad is not None else torch.zeros_like(outputs)
    return result, gradient, counting


def fault_of_positions(factory: Any) -> str:  # noqa: ANN401 - see PositionEmbedding
    """Return what position embeddings must do and do not; empty when they are good."""
    import torch

    from sma_core.config import ModelConfig
    from sma_core.nn.inputs import DiscreteInputs
    from sma_core.nn.model import SMA

    config = small_model().model_copy(update={"max_length": 24, "grid": (4, 6), "positions": "own"})
    assert isinstance(config, ModelConfig)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network, other = (SMA(config, DiscreteInputs(VOCABULARY), positions=factory) for _ in range(2))
    other.load_state_dict(network.state_dict())
    width = config.embedding_width
    with torch.no_grad():
        whole, part, again = (
            module.embed.positions(length)  # type: ignore[misc]
            for module, length in ((network, 24), (network, 9), (other, 24))
        )
    if whole.shape != (24, width) or part.shape != (9, width) or not bool(whole.isfinite().all()):
        return f"return finite vectors of shape (length, width), such as (24, {width}) for 24 positions"
    if not torch.allclose(whole[:9], part):
        return "give a position the same vector for any length"
    if len(whole.unique(dim=0)) < 24:
        return "give different positions different vectors"
    if not torch.equal(whole, again):
        return "keep what it draws in parameters, or a saved model differs when it is loaded"
    return ""


def fault_of_augmentation(factory: Any, discrete: bool) -> str:  # noqa: ANN401 - see Augmentation
    """Return what an augmentation must do and does not; empty when it is good."""
    import torch

    config = small_model().model_copy(update={"max_length": 16, "grid": (4, 4)})
    function = factory(config, {})
    draw = torch.Generator().manual_seed(0)
    padding_mask = torch.arange(16) < torch.tensor([16, 16, 9])[:, None]
    if discrete:
        inputs = torch.randint(VOCABULARY, (3, 16), generator=draw) * padding_mask
    else:
        inputs = torch.randn(3, 16, 2, generator=draw) * padding_mask[:, :, None]
    before = inputs.clone()
    for seed in range(16):  # what is drawn from elsewhere may agree once, and hardly sixteen times
        first, second = (function(inputs, padding_mask, torch.Generator().manual_seed(seed)) for _ in range(2))
        if not torch.equal(inputs, before):
            return "return new inputs, and not modify those that it gets"
        if first.shape != inputs.shape or first.dtype != inputs.dtype:
            return f"keep shape and type of the inputs, here {tuple(inputs.shape)} of {inputs.dtype}"
        if first.isinf().any() or (first.isnan() & ~inputs.isnan()).any():
            return "return no infinite numbers, and NaN only where values are missing"
        if not torch.equal(first, second):
            return "take all chance from the generator, or a resumed run differs from one that was not stopped"
    return ""


class _Quadratic:
    """A linear map fitted to fixed targets by an optimiser under test."""

    def __init__(self, factory: Any) -> None:  # noqa: ANN401 - see Optimizer
        import torch
        from torch import nn

        from sma_core.config import TrainingConfig
        from sma_core.training.optimizers.groups import build_optimizer

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.module: nn.Module = nn.Linear(4, 3)
            self.inputs, self.targets = torch.randn(16, 4), torch.randn(16, 3)
        self.optimizer: torch.optim.Optimizer = build_optimizer(
            self.module, TrainingConfig(steps=STEPS, learning_rate=1e-2), factory=factory
        )

    def train(self, steps: int) -> None:
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.loss().backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()

    def loss(self) -> Tensor:
        error: Tensor = (self.module(self.inputs) - self.targets).square().mean()
        return error


def losses_of_training(factory: Any) -> tuple[float, float]:  # noqa: ANN401 - see Optimizer
    """Return a loss before and after `STEPS` steps of an optimiser."""
    fit = _Quadratic(factory)
    before = float(fit.loss().detach())
    fit.train(STEPS)
    return before, float(fit.loss().detach())


def resumes_exactly(factory: Any) -> bool:  # noqa: ANN401 - see Optimizer
    """Whether training that is saved and restored half-way gives the same weights as without a stop."""
    import torch

    from sma_core.training.optimizers.state import load_optimizer_tensors, optimizer_tensors

    whole, first, second = (_Quadratic(factory) for _ in range(3))
    whole.train(STEPS)
    first.train(STEPS // 2)
    second.module.load_state_dict(first.module.state_dict())
    saved = {name: tensor.clone() for name, tensor in optimizer_tensors(first.optimizer, first.module).items()}
    load_optimizer_tensors(second.optimizer, second.module, saved)
    second.train(STEPS - STEPS // 2)
    pairs = zip(whole.module.parameters(), second.module.parameters(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


Labelled = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]


def labels_and_predictions(kind: str, classes: int, rows: int = 60) -> Labelled:
    """Return labels (n,), predictions that are right, and predictions that are as wrong as can be.

    Both have the shapes that metrics of a ``kind`` of task are given.
    """
    draw = np.random.default_rng(0)
    if kind == "regression":
        values = draw.normal(size=rows)
        return values, values.copy(), -3.0 * values + 1.0
    if kind in ("binary", "multilabel"):
        labels = (np.arange(rows) % 2).astype(np.float64)
        right = np.where(labels == 1, 0.9, 0.1)
        return labels, right, 1.0 - right
    labels = (np.arange(rows) % classes).astype(np.float64)
    if kind == "per-position":
        return labels, labels[:, None].copy(), ((labels + 1) % classes)[:, None]
    right = np.full((rows, classes), 0.1 / (classes - 1))
    right[np.arange(rows), labels.astype(np.int64)] = 0.9
    return labels, right, (1.0 - right) / (classes - 1)
