"""Small predictors for the checks of heads: a small encoder, the head, and rows of random ids.

Shapes: B rows, N padded length.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sma_kit.checks.small_models import ENCODERS, STEPS, EncoderName, small_model

if TYPE_CHECKING:
    from torch import Tensor

    from sma_core.nn.model import Predictor

VOCABULARY = 30
OUTPUTS = 3
LEARNING_RATE = 1e-2


def shape(factory: Any, rows: int, length: int, outputs: int) -> tuple[int, ...]:  # noqa: ANN401 - any module
    """Return the shape of a head's outputs for ``rows`` rows of ``length`` inputs."""
    import torch

    ids, real = _rows((length,) * rows)
    with torch.no_grad():
        return tuple(_predictor(factory, outputs=outputs)(ids, real).shape)


def padding_gap(factory: Any, per_position: bool) -> float:  # noqa: ANN401 - any module
    """Return the largest difference between the outputs of a row alone and padded."""
    import torch

    ids, real = _rows((5, 8))
    gaps = []
    for encoder in ENCODERS:
        predictor = _predictor(factory, encoder).eval()
        with torch.inference_mode():
            padded, alone = predictor(ids, real)[0], predictor(ids[:1, :5], real[:1, :5])[0]
        gaps.append(float(((padded[:5] if per_position else padded) - alone).abs().max()))
    return max(gaps)


def trains_on_one_row(factory: Any) -> bool:  # noqa: ANN401 - any module
    """Whether outputs and gradients of a single row are finite, for a row of one input and one of several."""
    import torch

    for length in (1, 5):
        predictor = _predictor(factory)
        outputs = predictor(*_rows((length,)))
        torch.autograd.backward([outputs.square().sum()])
        tensors = [outputs, *(p.grad for p in predictor.parameters() if p.grad is not None)]
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
            return False
    return True


def learn(factory: Any) -> tuple[float, float]:  # noqa: ANN401 - any module
    """Return the mean squared error on random labels before and after `STEPS` steps."""
    import torch

    predictor, (ids, real) = _predictor(factory), _rows((8, 8, 8))
    optimizer = torch.optim.AdamW(predictor.parameters(), lr=LEARNING_RATE)
    labels: Tensor | None = None
    losses = []
    for _ in range(STEPS + 1):
        outputs = predictor(ids, real)
        if labels is None:
            labels = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(0))
        loss = (outputs - labels).square().mean()
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        torch.autograd.backward([loss])
        optimizer.step()
    return losses[0], losses[-1]


def saved_outputs_are_the_same(factory: Any) -> bool:  # noqa: ANN401 - any module
    """Whether a predictor loaded from a checkpoint has the same outputs as the saved one."""
    import torch

    from sma_core.checkpoints.store import CheckpointStore

    first, second = _predictor(factory).eval(), _predictor(factory, seed=1).eval()
    ids, real = _rows((5, 8))
    with tempfile.TemporaryDirectory() as folder:
        store = CheckpointStore(Path(folder))
        store.save(1, first.state_dict(), {}, {})
        second.load_state_dict(store.read(1).model())
    with torch.inference_mode():
        return bool(torch.equal(first(ids, real), second(ids, real)))


def _predictor(
    factory: Any,  # noqa: ANN401 - any module
    encoder: EncoderName = "cross-attention",
    seed: int = 0,
    outputs: int = OUTPUTS,
) -> Predictor:
    import torch

    from sma_core.nn.inputs import DiscreteInputs
    from sma_core.nn.model import SMA, Predictor

    config = small_model(encoder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SMA(config, DiscreteInputs(VOCABULARY))
        return Predictor(network.embed, network.encoder, factory(config, outputs))


def _rows(lengths: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return random ids (B, N), also at padding, and the mask (B, N) of real inputs."""
    import torch

    longest = max(lengths)
    ids = torch.randint(VOCABULARY, (len(lengths), longest), generator=torch.Generator().manual_seed(0))
    return ids, torch.arange(longest) < torch.tensor(lengths)[:, None]
