"""A probe inside a predictor: active, it replaces the outputs of the head."""

import torch

from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.heads import MeanHead
from sma_core.nn.model import Predictor
from sma_core.nn.probe import Probe
from tests.nn.small import batch, small_config, small_model


def predictor() -> Predictor:
    model, config = small_model(), small_config()
    return Predictor(model.embed, model.encoder, MeanHead(config, 2), Probe(config.latent_width, 2)).eval()


def set_probe(module: Predictor) -> None:
    width = module.probe.mean.shape[0]
    module.probe.set(torch.randn(width), torch.rand(width) + 0.5, torch.randn(2, width), torch.randn(2))


def test_an_active_probe_is_a_linear_map_of_the_standardised_mean_latents():
    module, inputs = predictor(), batch()
    head = module(*inputs)
    set_probe(module)
    latents = module.encode(*inputs).latents.values.mean(dim=1)
    probe = module.probe
    expected = (latents - probe.mean) / probe.spread @ probe.weight.T + probe.bias
    assert torch.allclose(module(*inputs), expected, atol=1e-5)
    probe.deactivate()
    assert torch.equal(module(*inputs), head)


def test_a_probe_is_saved_and_never_trained():
    module = predictor()
    set_probe(module)
    assert not [name for name, _ in module.named_parameters() if name.startswith("probe.")]
    other = predictor()
    other.load_state_dict(module.state_dict())
    inputs = batch()
    assert torch.equal(other(*inputs), module(*inputs))


def test_small_differences_between_rows_survive_autocast():
    probe = Probe(4, 1)
    probe.set(torch.full((4,), 100.0), torch.full((4,), 1e-3), torch.ones(1, 4), torch.zeros(1))
    values = torch.full((2, 1, 4), 100.0)
    values[1] += 1e-3
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = probe(Latents(values, None), torch.zeros(2, 1))
    assert outputs[0, 0] == 0.0
    assert abs(float(outputs[1, 0]) - 4.0) < 0.1
