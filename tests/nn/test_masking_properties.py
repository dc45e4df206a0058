"""What must hold for every batch, ratio and draw (hypothesis)."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from sma_core.config.masking import MaskingConfig
from sma_core.nn.embedding import TokenEmbedding
from sma_core.nn.guidance.counts import hidden_counts
from sma_core.nn.inputs import DiscreteInputs
from sma_core.nn.masking import MaskNoise, draw_noise
from sma_core.nn.model import SMA
from sma_core.nn.strategies.choosing import choose_mask
from sma_core.nn.strategies.protocol import Situation
from tests.nn.small import VOCABULARY, of_row, small_config

LENGTHS = st.lists(st.integers(0, 24), min_size=1, max_size=5)
RATIOS = st.floats(0.01, 0.99)
PROPERTY = settings(derandomize=True)


def build(encoder: str, scale: float = 0.4) -> SMA:
    torch.manual_seed(3)
    changes = {"latent_width": 16, "heads": 2} if encoder == "self-attention" else {}
    config = small_config(encoder=encoder, initializer_range=scale, **changes)
    return SMA(config, DiscreteInputs(VOCABULARY)).double().eval()  # so that equal importances are equal


MODELS = {encoder: build(encoder) for encoder in ("cross-attention", "self-attention")}


@st.composite
def maskings(draw) -> MaskingConfig:
    ratio = draw(RATIOS)
    anneal = draw(st.sampled_from([None, "mix", "candidates"]))
    return MaskingConfig(
        strategy=draw(st.sampled_from(["guided", "random"])),
        ratio=ratio,
        keys_per_query=draw(st.floats(0.2, 30.0)),
        head_aggregation=draw(st.sampled_from(["mean", "random_mix"])),
        varying_length=draw(st.booleans()),
        layer=draw(st.integers(0, 2)),
        anneal=anneal,
        anneal_start=draw(st.floats(ratio, 1.0)),
    )


def rows(lengths: list[int], padded: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Ids and padding mask; the ids of a row do not depend on the padding or on other rows."""
    mask = torch.arange(padded) < torch.tensor(lengths)[:, None]
    ids = [
        torch.randint(6, VOCABULARY, (32,), generator=torch.Generator().manual_seed(seed + row))
        for row in range(len(lengths))
    ]
    return torch.stack(ids)[:, :padded] * mask, mask


def noise(encoder: str, count: int, padded: int, seed: int, randomness: float = 0.5) -> MaskNoise:
    queries = padded if encoder == "self-attention" else 6
    return draw_noise(count, queries, padded, torch.Generator().manual_seed(seed), "cpu", randomness)


def hidden(model: SMA, inputs: Tensor, mask: Tensor, masking: MaskingConfig, drawn: MaskNoise) -> Tensor:
    return choose_mask(model.situation(inputs, mask, masking, drawn)).hidden


@pytest.mark.parametrize("encoder", MODELS)
@PROPERTY
@given(LENGTHS, maskings(), st.integers(0, 1000), st.sampled_from([0.0, 0.37, 1.0]))
def test_the_count_is_exact_padding_stays_and_one_position_is_on_each_side(
    encoder, lengths, masking, seed, randomness
):
    inputs, mask = rows(lengths, 24)
    drawn = noise(encoder, len(lengths), 24, seed, randomness)
    found = hidden(MODELS[encoder], inputs, mask, masking, drawn)
    real = mask.sum(1)
    annealed = drawn.randomness if masking.strategy == "guided" and masking.anneal else None
    counts = hidden_counts(
        real, 24, masking.model_copy(update={} if annealed is not None else {"anneal": None}), annealed
    )
    assert torch.equal(found.sum(1), counts)
    assert not (found & ~mask).any()
    assert (found.sum(1)[real >= 2] >= 1).all()
    assert ((real - found.sum(1))[real >= 1] >= 1).all()


@PROPERTY
@given(st.integers(2, 2000), RATIOS)
def test_without_annealing_the_count_is_the_rounded_share(length, ratio):
    count = hidden_counts(torch.tensor([length]), length, MaskingConfig(ratio=ratio)).item()
    assert abs(count - ratio * length) <= 0.5 + 1e-3 or count in (1, length - 1)


@pytest.mark.parametrize("encoder", MODELS)
@PROPERTY
@given(LENGTHS, maskings(), st.integers(0, 1000))
def test_a_row_gets_the_same_mask_whatever_stands_beside_it(encoder, lengths, masking, seed):
    inputs, mask = rows(lengths, 24)
    drawn = noise(encoder, len(lengths), 24, seed)
    together = hidden(MODELS[encoder], inputs, mask, masking, drawn)
    for row in range(len(lengths)):
        one = slice(row, row + 1)
        alone = hidden(MODELS[encoder], inputs[one], mask[one], masking, of_row(drawn, row))
        assert torch.equal(alone[0], together[row])


@pytest.mark.parametrize("encoder", MODELS)
@PROPERTY
@given(LENGTHS, maskings(), st.integers(0, 1000), st.integers(1, 8))
def test_more_padding_changes_nothing_given_the_draws(encoder, lengths, masking, seed, more):
    """Cross-attention draws by the padded length, as the paper's does: keys per query in proportion undo that."""
    masking = masking.model_copy(update={"varying_length": True})
    longer = masking
    if encoder == "cross-attention":
        longer = masking.model_copy(update={"keys_per_query": masking.keys_per_query * (24 + more) / 24})
    inputs, mask = rows(lengths, 24)
    drawn = noise(encoder, len(lengths), 24, seed)
    padded_inputs, padded_mask = rows(lengths, 24 + more)

    def padded(part: Tensor, wide: bool) -> Tensor:
        return torch.nn.functional.pad(part, (0, more), value=0.5) if wide else part

    of_inputs = encoder == "self-attention"
    padded_noise = MaskNoise(
        padded(drawn.queries, of_inputs),
        padded(drawn.positions, True),
        padded(drawn.heads, of_inputs),
        drawn.randomness,
    )
    before = hidden(MODELS[encoder], inputs, mask, masking, drawn)
    after = hidden(MODELS[encoder], padded_inputs, padded_mask, longer, padded_noise)
    assert torch.equal(after[:, :24], before)
    assert not after[:, 24:].any()


@pytest.mark.parametrize("encoder", MODELS)
@PROPERTY
@given(maskings(), st.integers(0, 1000), st.permutations(range(24)))
def test_permuting_inputs_with_their_positions_permutes_the_mask(encoder, masking, seed, permutation):
    order = torch.tensor(permutation)
    inputs, mask = rows([24, 17], 24)
    drawn = noise(encoder, 2, 24, seed)
    model = MODELS[encoder]
    embedded = model.embed(inputs)

    def at(vectors: Tensor, real: Tensor, given_noise: MaskNoise) -> Tensor:
        projected = model.encoder.project(vectors)
        situation = Situation(inputs, model.encoder, projected, vectors, real, masking, given_noise)
        return choose_mask(situation).hidden

    of_inputs = encoder == "self-attention"
    moved = MaskNoise(
        drawn.queries[:, order] if of_inputs else drawn.queries,
        drawn.positions[:, order],
        drawn.heads[:, order] if of_inputs else drawn.heads,
        drawn.randomness,
    )
    before = at(embedded, mask, drawn)
    after = at(embedded[:, order], mask[:, order], moved)
    assert torch.equal(after, before[:, order])


def test_guided_is_random_in_distribution_when_attention_is_uniform():
    """All positions alike: latents cannot tell them apart, so who is hidden is left to how ties fall.

    Ties fall to the first position; noise of the size of rounding breaks them, as it does in training.
    """
    model = build("cross-attention")
    with torch.no_grad():
        model.encoder.first.query.weight.zero_()
    assert isinstance(model.embed, TokenEmbedding)
    inputs, mask = rows([12] * 3000, 12)
    drawn = draw_noise(3000, 6, 12, torch.Generator().manual_seed(0), "cpu")
    embedded = model.embed(inputs)
    projected = model.encoder.project(embedded)
    jitter = torch.randn(projected.keys.shape, generator=torch.Generator().manual_seed(1)) * 1e-4
    queries = projected.queries + 1.0
    masking = MaskingConfig(ratio=0.3, keys_per_query=2)
    projected = projected._replace(queries=queries, keys=jitter)
    situation = Situation(inputs, model.encoder, projected, embedded, mask, masking, drawn)
    guided = choose_mask(situation).hidden
    share = guided.float().mean(0)
    assert (guided.sum(1) == 4).all()
    assert (share - 4 / 12).abs().max() < 0.05  # standard error 0.009
    pairs = (guided[:, :, None] & guided[:, None, :]).float().mean(0)
    independent = 4 / 12 * 3 / 11
    off_diagonal = pairs[~torch.eye(12, dtype=torch.bool)]
    assert (off_diagonal - independent).abs().max() < 0.05


@pytest.mark.parametrize("encoder", MODELS)
@PROPERTY
@given(LENGTHS, maskings(), st.integers(0, 1000), st.sampled_from([0.4, 1000.0]))
def test_nothing_is_ever_nan_and_no_gradient_flows_through_the_choice(encoder, lengths, masking, seed, scale):
    model = build(encoder, scale).train()
    inputs, mask = rows(lengths, 24)
    result = model(inputs, mask, masking, noise(encoder, len(lengths), 24, seed))
    result.loss.backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    assert math.isfinite(result.loss.item())
    assert not any(gradient.isnan().any() for gradient in gradients)
    model.zero_grad()
    model.reconstruct(inputs, mask, result.mask).loss.backward()
    again = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    if scale < 1:
        assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(gradients, again, strict=True))
