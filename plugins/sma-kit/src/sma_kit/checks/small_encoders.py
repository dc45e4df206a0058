"""Small rows on which an encoder is tried.

Shapes: B rows, N padded length, E embedding width, L vectors of an encoder, D latent width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sma_kit.checks.small_methods import LENGTHS, VOCABULARY
from sma_kit.checks.small_models import small_model

if TYPE_CHECKING:
    from torch import Tensor

    from sma_core.nn.encoders.encoder import Latents
    from sma_core.nn.model import SMA


def fault_of_encoder(factory: Any) -> str:  # noqa: ANN401 - see EncoderType
    """Return what an encoder must do and does not; empty when it is good."""
    import torch

    from sma_core.nn.encoders.encoder import Encoder
    from sma_core.nn.inputs import DiscreteInputs
    from sma_core.nn.model import SMA

    config = small_model().model_copy(update={"encoder": "own"})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if not isinstance(factory(config), Encoder):
            return "be a subclass of sma_core.nn.encoders.encoder.Encoder"
        network, other = (SMA(config, DiscreteInputs(VOCABULARY), encoder=factory).eval() for _ in range(2))
    other.load_state_dict(network.state_dict())
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(VOCABULARY, (len(LENGTHS), max(LENGTHS)), generator=generator)  # (B, N)
    real = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    with torch.no_grad():
        return _fault(network, other, ids, real, config.latent_width)


def _fault(network: SMA, other: SMA, ids: Tensor, real: Tensor, width: int) -> str:
    import torch

    encoded = network.encode(ids, real)
    queries = network.encoder.project(network.embed(ids)).queries.shape[2]  # (B or 1, H, queries, d)
    alone = [network.encode(ids[row : row + 1, :length], real[row : row + 1, :length])
             for row, length in enumerate(LENGTHS)]  # fmt: skip
    hidden = real & (torch.arange(ids.shape[1]) % 3 == 1)  # (B, N)
    changed = torch.where(hidden, (ids + 1) % VOCABULARY, ids)
    tested = {
        f"return finite vectors of shape (rows, vectors, model.latent_width), the last being {width} here": (
            encoded.values.dim() == 3
            and encoded.values.shape[::2] == (len(LENGTHS), width)
            and bool(encoded.values.isfinite().all())
        ),
        f"have query_count({ids.shape[1]}) queries, not {queries}": (
            queries == network.encoder.query_count(ids.shape[1])
        ),
        "ignore padding: rows have other vectors alone than in a batch": all(
            _same(_real(encoded, row), _real(single, 0)) for row, single in enumerate(alone)
        ),
        "ignore hidden positions: vectors change with what is hidden": all(
            _same(
                _real(_masked(network, ids, real, hidden), row),
                _real(_masked(network, changed, real, hidden), row),
            )
            for row in range(len(LENGTHS))
        ),
        "tell visible positions apart: vectors do not change with the visible inputs": not _same(
            _real(encoded, 3), _real(network.encode((ids + 1) % VOCABULARY, real), 3)
        ),
        "keep what it draws in parameters, or a saved model differs when it is loaded": _same(
            _real(encoded, 3), _real(other.encode(ids, real), 3)
        ),
    }
    return next((rule for rule, holds in tested.items() if not holds), "")


def _masked(network: SMA, ids: Tensor, real: Tensor, hidden: Tensor) -> Latents:
    """Encode rows without their hidden positions, which encoders may drop."""
    embedded, visible = network.embed(ids), real & ~hidden
    most = int(visible.sum(dim=1).max())
    encoder = network.encoder
    return encoder.trunk(encoder.enter(encoder.project(embedded), embedded, visible, most))


def _real(latents: Latents, row: int) -> Tensor:
    """Return the real vectors (L, D) of a row."""
    return latents.values[row] if latents.real is None else latents.values[row][latents.real[row]]


def _same(one: Tensor, other: Tensor) -> bool:
    import torch

    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-3, atol=1e-4)
