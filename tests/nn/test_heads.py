import pytest
import torch

from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.heads import DecoderHead, Encoded, MeanHead, MultiQueryHead, mean_latents
from sma_core.nn.model import Predictor
from tests.nn.small import batch, small_config, small_model

HEADS = pytest.mark.parametrize("head_class", [DecoderHead, MeanHead, MultiQueryHead])


def encoded(latents: torch.Tensor) -> Encoded:
    """What a head gets for latents ``(B, L, D)`` that are all real."""
    rows = len(latents)
    return Encoded(Latents(latents, None), torch.randn(rows, 7, 16), torch.ones(rows, 7, dtype=torch.bool))


@HEADS
@pytest.mark.parametrize("outputs", [1, 7])
def test_a_head_maps_latents_to_its_outputs(head_class, outputs):
    head = head_class(small_config(), outputs)
    assert head(encoded(torch.randn(3, 6, 24))).shape == (3, outputs)


@HEADS
def test_a_head_reads_every_latent_whatever_their_order(head_class):
    head, latents = head_class(small_config(initializer_range=0.4), 2), torch.randn(3, 6, 24)
    assert torch.allclose(head(encoded(latents)), head(encoded(latents.flip(1))), atol=1e-5)
    for index in range(6):
        changed = latents.index_fill(1, torch.tensor([index]), 0.0)
        assert not torch.allclose(head(encoded(latents)), head(encoded(changed)), atol=1e-4)


@HEADS
def test_a_predictor_takes_the_pretrained_parts_over_under_the_same_names(head_class):
    model, (inputs, padding_mask) = small_model(), batch()
    predictor = Predictor(model.embed, model.encoder, head_class(small_config(), 2))
    taken = {name: value for name, value in predictor.state_dict().items() if not name.startswith("head.")}
    pretrained = model.state_dict()
    assert set(taken) == {name for name in pretrained if not name.startswith("decoder.")}
    assert all(torch.equal(value, pretrained[name]) for name, value in taken.items())
    expected = predictor.head(predictor.encode(inputs, padding_mask))
    assert torch.equal(predictor(inputs.to(torch.uint8), padding_mask), expected)


@HEADS
def test_every_part_of_a_predictor_learns(head_class):
    model, (inputs, padding_mask) = small_model(), batch()
    predictor = Predictor(model.embed, model.encoder, head_class(small_config(initializer_range=0.4), 2))
    predictor(inputs, padding_mask).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in predictor.parameters())


@HEADS
def test_prediction_under_bf16_autocast_is_close_to_float32(head_class):
    model, (inputs, padding_mask) = small_model(), batch()
    predictor = Predictor(model.embed, model.encoder, head_class(small_config(), 2))
    expected = predictor(inputs, padding_mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(predictor(inputs, padding_mask).float(), expected, atol=0.05)


@pytest.mark.full
@HEADS
def test_prediction_compiles_to_one_graph(head_class):
    torch._dynamo.reset()
    model, (inputs, padding_mask) = small_model(), batch()
    predictor = Predictor(model.embed, model.encoder, head_class(small_config(), 2))
    compiled = torch.compile(predictor, fullgraph=True)
    assert torch.allclose(compiled(inputs, padding_mask), predictor(inputs, padding_mask), atol=1e-5)


@HEADS
def test_a_predictor_whose_weights_are_bf16_predicts(head_class):
    model, (inputs, padding_mask) = small_model(), batch()
    predictor = Predictor(model.embed, model.encoder, head_class(small_config(), 2)).bfloat16()
    assert predictor(inputs, padding_mask).isfinite().all()


@pytest.mark.parametrize("real", [None, torch.ones(1, 4, dtype=torch.bool)])
def test_bf16_latents_are_averaged_without_more_rounding(real):
    values = torch.tensor([1.0, 1.0, 1.0, 1.0078125]).bfloat16()[None, :, None].expand(1, 4, 2)  # (1, L, D)
    assert mean_latents(Latents(values, real)).tolist() == [[1.001953125, 1.001953125]]


def test_predictions_from_vectors_are_those_from_inputs_and_have_gradients():
    model, (inputs, padding_mask) = small_model(), batch()
    predictor = Predictor(model.embed, model.encoder, MeanHead(small_config(), 2)).eval()
    vectors = predictor.embed.vectors(inputs).detach().requires_grad_()
    predicted = predictor.from_vectors(vectors, padding_mask)
    assert torch.equal(predicted, predictor(inputs, padding_mask))
    (slopes,) = torch.autograd.grad(predicted[:, 0].sum(), vectors)
    assert slopes[padding_mask].abs().sum(dim=1).min() > 0
    assert slopes[~padding_mask].abs().max() == 0
