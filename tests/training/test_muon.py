"""Muon: orthogonal updates of hidden matrices, AdamW for the rest, and the same weights on resuming."""

import pytest
import torch
from torch import nn

import sma_core
from sma_core.config import ModelConfig, TrainingConfig
from sma_core.errors import ConfigError, StoppedOnRequest
from sma_core.nn.inputs import DiscreteInputs
from sma_core.nn.model import SMA
from sma_core.runs.run_folder import RunFolder
from sma_core.training.optimizers.groups import build_optimizer, hidden_matrices
from sma_core.training.optimizers.muon import muon, orthogonalised
from tests.support.runs import latest_weights, same, stop_at

CONFIG = TrainingConfig(steps=5, learning_rate=1e-3, optimizer="muon")


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 24, 8), (1, 8, 24)])
def test_singular_values_of_an_update_are_near_one(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for matrix, update in zip(matrices, orthogonalised(matrices), strict=True):
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        values = left.T @ update @ right.T
        assert values.diagonal().min() > 0.5
        assert values.diagonal().max() < 1.3
        assert (values - values.diagonal().diag()).abs().max() < 1e-4  # the singular vectors are kept


def test_matrices_of_one_shape_are_orthogonalised_as_if_alone():
    matrices = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(1))
    together = orthogonalised(matrices)
    alone = torch.cat([orthogonalised(matrix[None]) for matrix in matrices])
    assert torch.allclose(together, alone, atol=1e-6)


def test_embeddings_outputs_and_vectors_are_not_hidden_matrices():
    model = SMA(ModelConfig(layers=1), DiscreteInputs(262))
    names = hidden_matrices(model)
    assert {"encoder.layers.0.mlp_in.weight", "decoder.layer.query.weight"} <= names
    assert not names & {
        "embed.tokens.weight",
        "embed.positions.weight",
        "encoder.latents",
        "decoder.output.weight",
    }


def test_a_step_moves_a_matrix_by_an_orthogonal_update_and_a_vector_as_adamw_does():
    torch.manual_seed(0)
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.load_state_dict(first.state_dict())
    config = CONFIG.model_copy(update={"weight_decay": 0.0})
    optimizers = build_optimizer(first, config, factory=muon), build_optimizer(second, config)
    before = first.weight.detach().clone()
    for module, optimizer in zip((first, second), optimizers, strict=True):
        module(torch.ones(2, 4)).square().sum().backward()
        optimizer.step()
    assert torch.equal(first.bias, second.bias)
    gradient = first.weight.grad
    assert gradient is not None
    expected = before - 1e-3 * 10.0 * orthogonalised(gradient[None])[0]
    assert torch.allclose(first.weight, expected, atol=1e-6)


def test_an_unknown_option_is_refused_with_those_there_are():
    config = CONFIG.model_copy(update={"optimizer_options": {"beta": 1}})
    with pytest.raises(ConfigError, match=r"optimizer_options\.beta is no option of muon: it has momentum"):
        muon([], config)


def test_a_run_resumes_bit_for_bit_and_saves_momenta_alone_for_matrices(toy, tmp_path):
    settings = {
        "training.steps": 4,
        "training.batch_size": 4,
        "training.checkpoint_every": 4,
        "training.device": "cpu",
        "training.warmup_steps": 0,
        "training.optimizer": "muon",
        "training.optimizer_options.matrix_rate": 5.0,
        "training.schedule": "stable-decay",
        "masking.strategy": "sampled",
    }
    whole = sma_core.train(toy, settings=settings, out=tmp_path / "whole").run
    with pytest.raises(StoppedOnRequest):
        sma_core.train(toy, settings=settings, out=tmp_path / "parts", observers=[stop_at(2)])
    resumed = sma_core.train(resume=tmp_path / "parts").run
    assert same(latest_weights(whole), latest_weights(resumed))
    names = set(RunFolder(whole).checkpoints.latest().training())
    assert "momentum_buffer.encoder.first.mlp_in.weight" in names
    assert "exp_avg.encoder.first.mlp_in.weight" not in names
    assert "exp_avg.embed.tokens.weight" in names
