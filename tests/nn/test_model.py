import pytest
import torch
from torch.nn import functional

from sma_core.config.masking import MaskingConfig
from sma_core.errors import DataError
from sma_core.nn import model as model_module
from sma_core.nn.model import Reconstruction
from sma_core.nn.parameters import parameter_count
from tests.nn.small import VOCABULARY, batch, noise_for, of_row, small_model

GUIDED = MaskingConfig(ratio=0.3, keys_per_query=3)
RANDOM = MaskingConfig(ratio=0.3, strategy="random")
SHARED = {"decoder": {"shared_queries": True, "shared_embedding": True}}


def gradients(model) -> list[torch.Tensor]:
    return [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("changes", [{}, SHARED], ids=["own", "shared"])
def test_loss_and_counts_equal_those_of_decoding_everything(changes):
    model, (inputs, padding_mask) = small_model(**changes), batch()
    result = model(inputs, padding_mask, GUIDED, noise_for(padding_mask))
    hidden = result.mask.hidden
    latents = model.encoder(model.embed(inputs), padding_mask & ~hidden)
    logits = model.decoder(latents, torch.arange(20).expand(len(inputs), -1), model.embed)
    assert torch.allclose(result.loss, functional.cross_entropy(logits[hidden], inputs[hidden]), atol=1e-6)
    assert result.scored == hidden.sum()
    assert result.correct == (logits.argmax(-1) == inputs)[hidden].sum()


def test_correct_count_counts_what_the_model_knows():
    model, (inputs, padding_mask) = small_model(decoder={"shared_embedding": True}), batch()
    inputs = inputs.clamp(max=7) * padding_mask
    with torch.no_grad():
        model.decoder.output_bias[7] = 1e4
    result = model(inputs, padding_mask, GUIDED, noise_for(padding_mask))
    assert result.correct == (inputs[result.mask.hidden] == 7).sum()
    assert result.correct > 0


def test_hidden_inputs_do_not_reach_the_reconstruction(monkeypatch):
    model, (inputs, padding_mask) = small_model(), batch()
    mask = model(inputs, padding_mask, GUIDED, noise_for(padding_mask)).mask
    monkeypatch.setattr(model_module, "choose_mask", lambda *_: mask)
    decoded = []
    model.decoder.register_forward_hook(lambda module, arguments, logits: decoded.append(logits))
    for tokens in (inputs, inputs.masked_fill(mask.hidden, 3)):
        model(tokens, padding_mask, GUIDED, noise_for(padding_mask))
    assert torch.equal(decoded[0], decoded[1])


def test_no_gradient_flows_through_the_choice(monkeypatch):
    model, (inputs, padding_mask) = small_model(), batch()
    result = model(inputs, padding_mask, GUIDED, noise_for(padding_mask))
    result.loss.backward()
    chosen = [gradient.clone() for gradient in gradients(model)]
    model.zero_grad()
    monkeypatch.setattr(model_module, "choose_mask", lambda *_: result.mask)
    model(inputs, padding_mask, GUIDED, noise_for(padding_mask)).loss.backward()
    assert all(torch.equal(a, b) for a, b in zip(chosen, gradients(model), strict=True))


def test_a_batch_of_one_position_rows_has_loss_zero_and_no_gradient():
    model, (inputs, padding_mask) = small_model(), batch([1, 1, 1], padded=4)
    result = model(inputs, padding_mask, GUIDED, noise_for(padding_mask))
    result.loss.backward()
    assert result.loss == 0
    assert result.scored == result.correct == 0
    assert all(gradient.eq(0).all() for gradient in gradients(model))


def test_one_position_rows_add_nothing_to_the_loss_of_others():
    model, (inputs, padding_mask) = small_model(), batch([20, 1])
    noise = noise_for(padding_mask)
    both = model(inputs, padding_mask, GUIDED, noise)
    first = model(inputs[:1], padding_mask[:1], GUIDED, of_row(noise, 0))
    assert torch.allclose(both.loss, first.loss, atol=1e-6)


@pytest.mark.parametrize("masking", [GUIDED, RANDOM], ids=["guided", "random"])
@pytest.mark.parametrize("scale", [0.4, 1000.0])
def test_nothing_becomes_nan_even_for_empty_rows_and_huge_weights(masking, scale):
    model, (inputs, padding_mask) = small_model(initializer_range=scale), batch([20, 0, 1, 2])
    result = model(inputs, padding_mask, masking, noise_for(padding_mask))
    result.loss.backward()
    assert result.loss.isfinite()
    assert not any(gradient.isnan().any() for gradient in gradients(model))
    assert not model.encode(inputs, padding_mask).values.isnan().any()


def test_a_row_is_encoded_alike_alone_without_padding_and_in_a_batch():
    model, (inputs, padding_mask) = small_model(), batch()
    together = model.encode(inputs, padding_mask).values
    for row, length in enumerate(padding_mask.sum(1).tolist()):
        one = inputs[row : row + 1, :length]
        alone = model.encode(one, torch.ones_like(one, dtype=torch.bool)).values
        assert torch.allclose(alone[0], together[row], atol=1e-5)


def test_what_stands_in_padding_does_not_matter():
    model, (inputs, padding_mask) = small_model(), batch()
    other = torch.where(padding_mask, inputs, 17)
    results = [model(tokens, padding_mask, GUIDED, noise_for(padding_mask)) for tokens in (inputs, other)]
    assert torch.equal(results[0].mask.hidden, results[1].mask.hidden)
    assert torch.equal(results[0].loss, results[1].loss)


@pytest.mark.parametrize("kind", [torch.uint8, torch.uint16, torch.int16, torch.int32])
def test_small_integer_inputs_are_accepted(kind):
    model, (inputs, padding_mask) = small_model(), batch()
    expected = model(inputs, padding_mask, GUIDED, noise_for(padding_mask)).loss
    assert torch.equal(model(inputs.to(kind), padding_mask, GUIDED, noise_for(padding_mask)).loss, expected)
    assert torch.equal(
        model.encode(inputs.to(kind), padding_mask).values, model.encode(inputs, padding_mask).values
    )


def test_rows_longer_than_the_position_table_are_refused():
    model, (inputs, padding_mask) = small_model(), batch([33], padded=33)
    with pytest.raises(DataError, match=r"33 positions.*max_length is 32"):
        model.encode(inputs, padding_mask)


def test_bf16_autocast_is_close_to_float32_for_one_mask():
    model, (inputs, padding_mask) = small_model(initializer_range=0.2), batch([20, 18, 16, 9])
    exact = model(inputs, padding_mask, RANDOM, noise_for(padding_mask))
    exact.loss.backward()
    reference = torch.cat([gradient.flatten() for gradient in gradients(model)])
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = model(inputs, padding_mask, RANDOM, noise_for(padding_mask))
    result.loss.backward()
    rounded = torch.cat([gradient.flatten() for gradient in gradients(model)])
    assert result.loss.dtype == torch.float32
    assert torch.equal(result.mask.hidden, exact.mask.hidden)
    assert abs(result.loss.item() - exact.loss.item()) < 0.01 * exact.loss.item()
    assert functional.cosine_similarity(rounded, reference, dim=0) > 0.999


@pytest.mark.parametrize("lower", [False, True])
def test_what_goes_from_layer_to_layer_has_the_kind_of_the_products_on_the_cpu(lower):
    model, (inputs, padding_mask) = small_model(), batch()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=lower):
        latents = model.encode(inputs, padding_mask).values
    assert latents.dtype == (torch.bfloat16 if lower else torch.float32)


def test_loss_is_float32_when_the_weights_themselves_are_bf16():
    model, (inputs, padding_mask) = small_model(initializer_range=0.2).bfloat16(), batch()
    result = model(inputs, padding_mask, GUIDED, noise_for(padding_mask))
    assert result.loss.dtype == torch.float32
    assert result.loss.isfinite()


def test_float64_runs_and_agrees():
    model, (inputs, padding_mask) = small_model(), batch()
    single = model(inputs, padding_mask, GUIDED, noise_for(padding_mask))
    double = model.double()(inputs, padding_mask, GUIDED, noise_for(padding_mask))
    assert double.loss.dtype == torch.float64
    assert torch.equal(single.mask.hidden, double.mask.hidden)
    assert abs(single.loss.item() - double.loss.item()) < 1e-5


def assert_compiled_equals_eager(backend: str, masking: MaskingConfig, lengths: tuple[int, ...]) -> None:
    """In one graph (a wait for the device would break it), for several padded lengths."""
    torch._dynamo.reset()
    model = small_model()
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    for padded in lengths:
        inputs, padding_mask = batch([padded, 1, 2, 9], padded)
        expected: Reconstruction = model(inputs, padding_mask, masking, noise_for(padding_mask))
        model.zero_grad()
        expected.loss.backward()
        eager = [gradient.clone() for gradient in gradients(model)]
        model.zero_grad()
        result: Reconstruction = compiled(inputs, padding_mask, masking, noise_for(padding_mask))
        result.loss.backward()
        assert torch.equal(result.mask.hidden, expected.mask.hidden)
        assert torch.allclose(result.loss, expected.loss, atol=1e-5)
        for ours, theirs in zip(gradients(model), eager, strict=True):
            assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.full
def test_one_compiled_graph_gives_what_eager_gives():
    assert_compiled_equals_eager("aot_eager", GUIDED, (20, 16))


@pytest.mark.full
@pytest.mark.parametrize("masking", [GUIDED, RANDOM], ids=["guided", "random"])
def test_inductor_gives_what_eager_gives(masking):
    assert_compiled_equals_eager("inductor", masking, (20, 16, 24))


def test_equal_seeds_give_equal_models_with_the_set_spread():
    first, again, other = small_model(3), small_model(3), small_model(4)
    pairs = list(zip(first.parameters(), again.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.encoder.latents, other.encoder.latents)
    for name, parameter in first.named_parameters():
        if name.endswith("bias"):
            assert parameter.eq(0).all(), name
        elif "norm" in name:
            assert parameter.eq(1).all(), name
        else:
            assert 0.3 < parameter.std() < 0.5, name


def test_blocks_pass_the_same_layers_again():
    once, twice, (inputs, padding_mask) = small_model(), small_model(blocks=2), batch()
    assert parameter_count(once) == parameter_count(twice)
    latents = once.encode(inputs, padding_mask).values
    for layer in once.encoder.layers:
        latents = layer(latents)
    assert torch.allclose(twice.encode(inputs, padding_mask).values, latents, atol=1e-6)


def test_sharing_removes_parameters_and_biases_are_a_switch():
    plain, shared, biased = small_model(), small_model(**SHARED), small_model(bias=True)
    table, output = 32 * 16, VOCABULARY * 16
    assert parameter_count(plain) - parameter_count(shared) == table + output
    names = {name for name, _ in plain.named_parameters()}
    added = {name for name, _ in biased.named_parameters()} - names
    assert "encoder.first.key_value.bias" in added
    assert "encoder.first.query_norm.bias" in names
    assert all(not name.endswith("mlp_in.bias") for name in names)


def test_query_residual_is_a_switch():
    inputs, padding_mask = batch()
    with_residual, without = small_model(layers=0), small_model(layers=0, query_residual=False)
    latents = [model.encode(inputs, padding_mask).values for model in (with_residual, without)]
    assert not torch.allclose(*latents)


@pytest.mark.parametrize("setting", ["dropout", "attention_dropout"])
def test_dropout_acts_in_training_only(setting):
    model, (inputs, padding_mask) = small_model(**{setting: 0.5}), batch()
    plain = small_model().encode(inputs, padding_mask).values
    assert not torch.allclose(model.train().encode(inputs, padding_mask).values, plain)
    assert torch.allclose(model.eval().encode(inputs, padding_mask).values, plain, atol=1e-6)
