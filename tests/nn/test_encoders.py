"""The self-attention encoder, continuous inputs, and every switch of the network."""

import pytest
import torch
from torch.nn import functional

from sma_core.config.masking import MaskingConfig
from sma_core.errors import ConfigError
from sma_core.nn.attention import Projected
from sma_core.nn.encoders.encoder import taken, visible_first
from sma_core.nn.guidance.counts import largest_hidden_count, largest_visible_count
from sma_core.nn.heads import PositionHead
from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs
from sma_core.nn.masking import Mask
from sma_core.nn.model import SMA, Predictor
from sma_core.nn.parameters import parameter_count
from sma_core.nn.recomputed import recomputed
from tests.nn.small import VOCABULARY, batch, noise_for, small_config
from tests.support.matrix import full_but

GUIDED = MaskingConfig(ratio=0.3, keys_per_query=3)
ENCODERS = {
    "cross-attention": {},
    "self-attention": {"latent_width": 16, "heads": 2, "encoder": "self-attention"},
}
KINDS = {"discrete": DiscreteInputs(VOCABULARY), "continuous": ContinuousInputs(3)}
EVERY = pytest.mark.parametrize(("encoder", "kind"), [(encoder, kind) for encoder in ENCODERS for kind in KINDS])


def build(encoder: str, kind: str, **changes) -> SMA:
    torch.manual_seed(0)
    return SMA(small_config(**({"initializer_range": 0.4} | ENCODERS[encoder] | changes)), KINDS[kind])


def rows(kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    ids, padding_mask = batch()
    if kind == "discrete":
        return ids, padding_mask
    values = torch.randn(*ids.shape, 3, generator=torch.Generator().manual_seed(5))
    return values * padding_mask[:, :, None], padding_mask


def noise(model: SMA, padding_mask: torch.Tensor, seed: int = 0):
    return noise_for(padding_mask, model.encoder.query_count(padding_mask.shape[1]), seed)


@EVERY
def test_the_loss_is_that_of_decoding_every_position(encoder, kind):
    model, (inputs, padding_mask) = build(encoder, kind), rows(kind)
    result = model(inputs, padding_mask, GUIDED, noise(model, padding_mask))
    hidden = result.mask.hidden
    latents = model.encoder(model.embed(inputs), padding_mask & ~hidden)
    outputs = model.decoder(latents, torch.arange(20).expand(len(inputs), -1), model.embed)
    if kind == "discrete":
        expected = functional.cross_entropy(outputs[hidden], inputs[hidden])
    else:
        expected = functional.mse_loss(outputs[hidden], inputs[hidden])
    assert torch.allclose(result.loss, expected, atol=1e-5)
    assert result.scored == hidden.sum()


def test_taking_positions_is_taking_along_the_dimension():
    vectors, order = torch.randn(3, 2, 7, 5), torch.rand(3, 7).argsort(dim=1)[:, :4]
    vectors.requires_grad_()
    ours, theirs = taken(vectors, order), vectors.take_along_dim(order[:, None, :, None], dim=2)
    assert torch.equal(ours, theirs)
    weights = torch.randn_like(ours)
    (gradient,) = torch.autograd.grad((ours * weights).sum(), vectors)
    (expected,) = torch.autograd.grad((theirs * weights).sum(), vectors)
    assert torch.equal(gradient, expected)


def test_visible_positions_come_first_each_kind_in_order():
    visible = torch.tensor([[True, False, True, False, True], [False, False, True, True, False]])
    assert visible_first(visible, 4).tolist() == [[0, 2, 4, 1], [2, 3, 0, 1]]


@EVERY
def test_dropping_hidden_tokens_or_only_ignoring_them_comes_to_the_same(encoder, kind):
    model, (inputs, padding_mask) = build(encoder, kind), rows(kind)
    mask = model(inputs, padding_mask, GUIDED, noise(model, padding_mask)).mask
    embedded = model.embed(inputs)
    visible = padding_mask & ~mask.hidden
    most = largest_visible_count(padding_mask.shape[1], GUIDED)
    cut = model.encoder.trunk(model.encoder.enter(model.encoder.project(embedded), embedded, visible, most))
    whole = model.encoder.trunk(model.encoder.enter(model.encoder.project(embedded), embedded, visible))
    if encoder == "cross-attention":
        assert torch.allclose(cut.values, whole.values, atol=1e-5)
        return
    assert cut.values.shape[1] == most < whole.values.shape[1]
    for row in range(len(inputs)):
        kept = cut.values[row][cut.real[row]]
        assert torch.allclose(kept, whole.values[row][visible[row]], atol=1e-5)


@EVERY
def test_hidden_inputs_do_not_reach_the_reconstruction(encoder, kind):
    model, (inputs, padding_mask) = build(encoder, kind), rows(kind)
    mask = model(inputs, padding_mask, GUIDED, noise(model, padding_mask)).mask
    decoded = []
    model.decoder.register_forward_hook(lambda module, arguments, outputs: decoded.append(outputs))
    at = mask.hidden if kind == "discrete" else mask.hidden[:, :, None]
    for values in (inputs, inputs.masked_fill(at, 3)):
        model.reconstruct(values, padding_mask, mask)
    assert torch.allclose(decoded[0], decoded[1], atol=1e-6)


@EVERY
@pytest.mark.parametrize("layer", [1, 2])
def test_any_trunk_layer_can_guide_and_layers_beyond_are_refused(encoder, kind, layer):
    model, (inputs, padding_mask) = build(encoder, kind), rows(kind)
    masking = GUIDED.model_copy(update={"layer": layer})
    first = model(inputs, padding_mask, GUIDED, noise(model, padding_mask)).mask.hidden
    carried = model(inputs, padding_mask, masking, noise(model, padding_mask)).mask.hidden
    assert torch.equal(carried.sum(1), first.sum(1))
    assert not torch.equal(carried, first)
    with pytest.raises(ConfigError, match="the trunk has 2 layers"):
        model(inputs, padding_mask, GUIDED.model_copy(update={"layer": 3}), noise(model, padding_mask))


def test_a_trunk_that_passes_latents_on_carries_the_attention_of_its_queries():
    """A trunk layer whose queries attend to one latent alone sees the inputs through that latent."""
    model = build("cross-attention", "discrete", layers=1)
    inputs, padding_mask = rows("discrete")
    from sma_core.nn.guidance.importance import carried_attention
    from sma_core.nn.masking import Draw, attention_of, query_scores

    embedded = model.embed(inputs)
    projected = model.encoder.project(embedded)
    everything = torch.arange(6).expand(len(inputs), -1)
    first = attention_of(query_scores(projected.queries, projected.keys, everything), padding_mask)
    draw = Draw(everything[:, :2], torch.ones(len(inputs), 2, dtype=torch.bool), None)
    carried = carried_attention(model.encoder, projected, embedded, padding_mask, 1, draw)
    latents = model.encoder.first.attend(projected, model.encoder.latents, padding_mask)
    own = model.encoder.layers[0].project(latents)
    trunk = (own.queries @ own.keys.transpose(-2, -1) / 6**0.5).softmax(-1).mean(1)[:, :2]
    real = padding_mask.any(1)
    assert torch.allclose(carried[real], (trunk @ first)[real], atol=1e-5)
    assert torch.allclose(carried[real].sum(-1), torch.ones_like(carried[real].sum(-1)), atol=1e-5)


@EVERY
def test_padding_changes_nothing(encoder, kind):
    model, (inputs, padding_mask) = build(encoder, kind).eval(), rows(kind)
    together = model.encode(inputs, padding_mask)
    for row, length in enumerate(padding_mask.sum(1).tolist()):
        one = slice(row, row + 1)
        alone = model.encode(inputs[one, :length], padding_mask[one, :length])
        upto = alone.values.shape[1]
        assert torch.allclose(alone.values[0], together.values[row, :upto], atol=1e-5)


@EVERY
def test_a_position_head_answers_for_every_input(encoder, kind):
    model, (inputs, padding_mask) = build(encoder, kind), rows(kind)
    config = small_config(**({"initializer_range": 0.4} | ENCODERS[encoder]))
    predictor = Predictor(model.embed, model.encoder, PositionHead(config, 5))
    outputs = predictor(inputs, padding_mask)
    assert outputs.shape == (len(inputs), 20, 5)
    encoded = predictor.encode(inputs, padding_mask)
    embedded = encoded.embedded.clone()
    embedded[0, 3] += 1
    difference = (predictor.head(encoded._replace(embedded=embedded)) - outputs).abs().amax(-1)
    assert difference.nonzero().tolist() == [[0, 3]]


COMPILED = [(encoder, kind, less) for encoder in ENCODERS for kind in KINDS for less in (False, True)]


@pytest.mark.parametrize(
    ("encoder", "kind", "checkpointed"), full_but([], COMPILED)
)  # by default only cross-attention to tokens, in test_model.py
def test_one_compiled_graph_gives_what_eager_gives(encoder, kind, checkpointed):
    torch._dynamo.reset()
    model, (inputs, padding_mask) = build(encoder, kind), rows(kind)
    model.encoder.activation_checkpointing = checkpointed
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for masking in (
        GUIDED,
        GUIDED.model_copy(update={"layer": 1, "anneal": "mix", "head_aggregation": "random_mix"}),
    ):
        drawn = noise(model, padding_mask)
        expected = model(inputs, padding_mask, masking, drawn)
        result = compiled(inputs, padding_mask, masking, drawn)
        assert torch.equal(result.mask.hidden, expected.mask.hidden)
        assert torch.allclose(result.loss, expected.loss, atol=1e-5)


def test_continuous_targets_are_standardised_and_clipped():
    scaled = {"target_mean": (1.0, 2.0, 3.0), "target_spread": (2.0, 4.0, 8.0), "target_clip": 0.5}
    plain, model = build("cross-attention", "continuous"), build("cross-attention", "continuous", decoder=scaled)
    inputs, padding_mask = rows("continuous")
    mask = plain(inputs, padding_mask, GUIDED, noise(plain, padding_mask)).mask
    due = ((inputs - torch.tensor([1.0, 2.0, 3.0])) / torch.tensor([2.0, 4.0, 8.0])).clamp(-0.5, 0.5)
    latents = model.encoder(model.embed(inputs), padding_mask & ~mask.hidden)
    outputs = model.decoder(latents, torch.arange(20).expand(len(inputs), -1), model.embed)
    expected = functional.mse_loss(outputs[mask.hidden], due[mask.hidden])
    assert torch.allclose(model.reconstruct(inputs, padding_mask, mask).loss, expected, atol=1e-5)
    assert "target_scale.mean" not in model.state_dict()


def test_a_target_scale_may_differ_from_position_to_position():
    per_position = tuple((float(n), 0.0, 0.0) for n in range(32))
    model = build("cross-attention", "continuous", decoder={"target_mean": per_position})
    inputs, _ = rows("continuous")
    shift = inputs - model.target_scale(inputs)
    assert torch.allclose(shift[0, :, 0], torch.arange(20.0), atol=1e-5)


def test_a_weighted_loss_counts_rare_tokens_more():
    model = build("cross-attention", "discrete", decoder={"weighted_loss": True})
    inputs, padding_mask = rows("discrete")
    mask = model(inputs, padding_mask, GUIDED, noise(model, padding_mask)).mask
    latents = model.encoder(model.embed(inputs), padding_mask & ~mask.hidden)
    logits = model.decoder(latents, torch.arange(20).expand(len(inputs), -1), model.embed)[mask.hidden]
    targets = inputs[mask.hidden]
    counts = torch.bincount(targets, minlength=VOCABULARY)
    weights = len(targets) / counts.clamp(min=1) / VOCABULARY
    each = functional.cross_entropy(logits, targets, reduction="none")
    expected = (each * weights[targets]).mean()
    assert torch.allclose(model.reconstruct(inputs, padding_mask, mask).loss, expected, atol=1e-5)


def test_a_mask_token_reaches_only_the_positions_that_are_reconstructed():
    model = build("cross-attention", "discrete", decoder={"shared_queries": True, "mask_token": True})
    inputs, padding_mask = rows("discrete")
    positions = torch.arange(20).expand(len(inputs), -1)
    latents = model.encode(inputs, padding_mask)
    marked = torch.zeros(len(inputs), 20, dtype=torch.bool)
    marked[:, 4] = True
    with_token = model.decoder(latents, positions, model.embed, marked)
    without = model.decoder(latents, positions, model.embed)
    different = (with_token - without).abs().amax(-1) > 1e-6
    assert torch.equal(different, marked)
    model(inputs, padding_mask, GUIDED, noise(model, padding_mask)).loss.backward()
    assert model.decoder.mask_token.grad.abs().sum() > 0


def test_extra_output_layers_stand_before_the_output_map():
    plain = build("cross-attention", "discrete")
    model = build("cross-attention", "discrete", decoder={"output_layers": (12, "gelu", 10)})
    widths = [
        (layer.in_features, layer.out_features)
        for layer in model.decoder.output_layers
        if hasattr(layer, "in_features")
    ]
    assert widths == [(16, 12), (12, 10)]
    assert model.decoder.output.in_features == 10
    added = 16 * 12 + 12 + 12 * 10 + 10 - VOCABULARY * 6
    assert parameter_count(model) - parameter_count(plain) == added


def test_positions_can_be_left_out_for_continuous_inputs_only():
    model = build("cross-attention", "continuous", positions="none")
    inputs, padding_mask = rows("continuous")
    moved = model.encode(inputs[:1].roll(1, dims=1), padding_mask[:1]).values
    assert torch.allclose(moved, model.encode(inputs[:1], padding_mask[:1]).values, atol=1e-5)
    with pytest.raises(ConfigError, match="only for continuous inputs"):
        build("cross-attention", "discrete", positions="none")


def test_the_spread_of_first_position_embeddings_can_be_set():
    model = build("cross-attention", "discrete", position_initializer_range=0.001)
    assert model.embed.positions.weight.std() < 0.0015
    assert model.embed.tokens.weight.std() > 0.3


def test_drop_path_leaves_rows_out_in_the_trunk_and_only_in_training():
    model, (inputs, padding_mask) = build("cross-attention", "discrete", drop_path=0.5), rows("discrete")
    plain = build("cross-attention", "discrete").eval().encode(inputs, padding_mask).values
    assert torch.allclose(model.eval().encode(inputs, padding_mask).values, plain, atol=1e-6)
    layer = model.train().encoder.layers[0]
    latents = torch.randn(4000, 6, 24)
    change = (layer(latents) - latents).abs().sum((1, 2))
    assert ((change == 0).float().mean() - 0.25).abs() < 0.03  # both branches left out
    assert model.encoder.first.settings.drop_path == 0


def test_dropout_acts_after_the_embedding_each_attention_and_each_mlp(monkeypatch):
    model, (inputs, padding_mask) = build("cross-attention", "discrete", dropout=0.5, layers=2), rows("discrete")
    calls = []

    def counted(values, rate, training=True):
        calls.append((rate, training))
        return values

    monkeypatch.setattr(functional, "dropout", counted)
    model.train().encode(inputs, padding_mask)
    assert calls == [(0.5, True)] * 7  # embedding, and two for each of three layers


@EVERY
def test_activation_checkpointing_keeps_less_and_changes_no_gradient(encoder, kind, monkeypatch):
    def counted(work, device, *given):
        parts = [part for each in given for part in (each if isinstance(each, Projected) else (each,))]
        sizes.extend(part.numel() for part in parts if isinstance(part, torch.Tensor))
        return recomputed(work, device, *given)

    monkeypatch.setattr("sma_core.nn.encoders.encoder.recomputed", counted)
    dropped = {"dropout": 0.2, "attention_dropout": 0.2, "drop_path": 0.2, "layers": 3}
    model, (inputs, padding_mask) = build(encoder, kind, **dropped), rows(kind)
    gradients, kept = [], []
    for model.encoder.activation_checkpointing in (False, True):
        sizes: list[int] = []
        torch.manual_seed(1)
        with torch.autograd.graph.saved_tensors_hooks(lambda t, s=sizes: s.append(t.numel()) or t, lambda t: t):
            loss = model(inputs, padding_mask, GUIDED, noise(model, padding_mask)).loss
        model.zero_grad()
        loss.backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
        kept.append(sum(sizes))
    assert all(torch.equal(plain, again) for plain, again in zip(*gradients, strict=True))
    assert kept[1] < kept[0] / 2


@EVERY
@pytest.mark.parametrize("layer", [0, 1])
def test_padding_that_all_rows_have_is_left_out_and_changes_nothing(encoder, kind, layer, monkeypatch):
    masking = GUIDED.model_copy(update={"layer": layer})
    model, (inputs, padding_mask) = build(encoder, kind), rows(kind)
    padding_mask[:, 15:] = False
    if kind == "continuous":
        inputs[:, 15:] = 0.0
    seen = []
    model.embed.register_forward_hook(lambda module, given, found: seen.append(given[0].shape[1]))
    monkeypatch.setattr("sma_core.nn.masking.LENGTH_STEP", 1)
    found = []
    for look in (True, False):
        monkeypatch.setattr("sma_core.nn.model.may_look", lambda tensor, look=look: look)
        result = model(inputs, padding_mask, masking, noise(model, padding_mask))
        model.zero_grad()
        result.loss.backward()
        found.append((result, [parameter.grad for parameter in model.parameters()]))
    (short, gradients), (full, others) = found
    assert seen == ([20, 20] if encoder == "self-attention" else [15, 20])
    assert torch.equal(short.mask.hidden, full.mask.hidden)
    assert short.mask.positions.shape[1] < full.mask.positions.shape[1]
    assert torch.allclose(short.loss, full.loss, atol=1e-6)
    assert all(torch.allclose(one, other, 1e-3, 1e-4) for one, other in zip(gradients, others, strict=True))


@EVERY
def test_lengths_that_follow_from_values_come_in_steps(encoder, kind):
    model, (inputs, padding_mask) = build(encoder, kind), rows(kind)
    entered = []
    model.encoder.enter = lambda *given, enter=model.encoder.enter: entered.append(given) or enter(*given)
    for longest in range(10, 17):
        real = padding_mask & (torch.arange(20) < longest)
        masked = inputs * real if kind == "discrete" else inputs * real[:, :, None]
        mask = model(masked, real, GUIDED, noise(model, real)).mask
        assert mask.positions.shape[1] in (8, largest_hidden_count(20, GUIDED))
        assert mask.valid.sum() == mask.hidden.sum()
    most = largest_visible_count(20, GUIDED)
    assert {given[1].shape[1] for given in entered} == ({20} if encoder == "self-attention" else {16})
    assert {given[3] for given in entered} <= {8, most}


def test_a_mask_is_cut_behind_the_last_position_that_counts():
    valid = torch.arange(20) < torch.tensor([3, 9])[:, None]
    mask = Mask(valid, torch.arange(20).expand(2, -1), valid)
    assert mask.cut().positions.tolist() == [list(range(16))] * 2
    assert mask._replace(positions=mask.positions[:, :10], valid=valid[:, :10]).cut().valid.shape == (2, 10)
    nothing = mask._replace(valid=torch.zeros_like(valid))
    assert nothing.cut().positions.shape == (2, 8)
