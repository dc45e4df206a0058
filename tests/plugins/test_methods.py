"""Parts of the method from a plugin: a masking strategy, a loss, an optimiser and a schedule, by name."""

import pytest

import sma_core
from sma_core.errors import ConfigError, PluginError, StoppedOnRequest
from sma_core.runs.run_folder import RunFolder
from tests.support.runs import latest_weights, same, stop_at

PLUGIN = """
import torch
import torch.nn.functional as F
from sma_core.nn.encoders.cross_attention import CrossAttentionEncoder
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.losses.cross_entropy import CrossEntropy
from sma_core.nn.masking import hide
from sma_core.nn.strategies.protocol import Hiding
from sma_core.plugins import Augmentation, EncoderType, Loss, MaskingStrategy, Optimizer, PositionEmbedding
from sma_core.plugins import Schedule, hookimpl

class First(Hiding):
    def choose(self, situation):
        mask = situation.padding_mask
        ranking = 1 - torch.arange(mask.shape[1], device=mask.device).expand(mask.shape) / mask.shape[1]
        return hide(ranking, mask, situation.masking, situation.noise)

def sgd(groups, config):
    return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.optimizer_options["momentum"])

def linear(step, steps):
    return 1.0 - step / steps

@hookimpl
def sma_masking_strategies():
    return [MaskingStrategy(name="first", summary="The first.", factory="other_methods:First")]

@hookimpl
def sma_losses():
    return [Loss(name="own", summary="Own.", factory="other_methods:CrossEntropy", inputs=("discrete",))]

class Ring(torch.nn.Module):
    def __init__(self, config, width=8):
        super().__init__()
        self.count, self.project = config.max_length, torch.nn.Linear(2, width)

    def forward(self, length):
        angles = torch.arange(length) * (6.2832 / self.count)
        return self.project(torch.stack((angles.sin(), angles.cos()), dim=1))

@hookimpl
def sma_position_embeddings():
    return [PositionEmbedding(name="ring", summary="A ring.", factory="other_methods:Ring")]

class Smoothed(CrossAttentionEncoder):
    def __init__(self, model_config):
        super().__init__(model_config)
        self.width = int(model_config.encoder_options.get("width", 3))

    def trunk(self, entered, depth=None):
        values, real = super().trunk(entered, depth)
        smooth = F.avg_pool1d(values.transpose(1, 2), self.width, stride=1, padding=self.width // 2)
        return Latents(smooth.transpose(1, 2), real)

@hookimpl
def sma_encoders():
    return [
        EncoderType(name="smoothed", summary="Smoothed.", factory="other_methods:Smoothed"),
        EncoderType(name="no-encoder", summary="Not one.", factory="other_methods:Ring"),
    ]

def cut(config, options):
    return lambda inputs, padding_mask, generator: inputs[:, 1:]

@hookimpl
def sma_augmentations():
    return [Augmentation(name="cut", summary="Wrong.", factory="other_methods:cut")]

@hookimpl
def sma_optimizers():
    return [Optimizer(name="sgd", summary="SGD.", factory="other_methods:sgd")]

@hookimpl
def sma_schedules():
    return [Schedule(name="linear", summary="A line.", factory="other_methods:linear")]
"""
SETTINGS = {
    "training.steps": 4,
    "training.batch_size": 4,
    "training.checkpoint_every": 4,
    "training.device": "cpu",
    "training.log_every": 1,
    "training.warmup_steps": 0,
    "masking.strategy": "first",
    "model.decoder.loss": "own",
    "training.optimizer": "sgd",
    "training.optimizer_options.momentum": 0.9,
    "training.schedule": "linear",
    "model.positions": "ring",
    "model.encoder": "smoothed",
    "model.encoder_options.width": 5,
}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Runs without a name are not written beside the sources."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toy(install, monkeypatch, tmp_path):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    install.toy()
    install.methods = install("sma-methods", {"any.methods": "other_methods"}, {"other_methods.py": PLUGIN})
    return "toy"


def test_a_run_with_parts_of_a_plugin_resumes_bit_for_bit(toy, tmp_path):
    whole = sma_core.train(toy, settings=SETTINGS, out=tmp_path / "whole").run
    with pytest.raises(StoppedOnRequest):
        sma_core.train(toy, settings=SETTINGS, out=tmp_path / "parts", observers=[stop_at(2)])
    resumed = sma_core.train(resume=tmp_path / "parts").run
    assert same(latest_weights(whole), latest_weights(resumed))
    names = RunFolder(whole).checkpoints.latest().training()
    assert {name.partition(".")[0] for name in names} == {"momentum_buffer"}


@pytest.mark.parametrize(
    ("setting", "name", "near"),
    [
        ("masking.strategy", "frist", "'first'"),
        ("model.decoder.loss", "cross-entropi", "'cross-entropy'"),
        ("training.optimizer", "sgdd", "'sgd'"),
        ("training.schedule", "cosin", "'cosine'"),
        ("model.positions", "rings", "'ring'"),
        ("model.encoder", "smooth", "'smoothed'"),
    ],
)
def test_an_unknown_name_is_refused_with_near_ones(toy, setting, name, near):
    with pytest.raises(
        ConfigError, match=f"{setting} cannot be '{name}'.*did you mean {near}.*with the hook sma_"
    ):
        sma_core.train(toy, settings={setting: name})


def test_a_run_made_with_a_part_says_which_package_is_missing(toy, install, tmp_path):
    run = sma_core.train(toy, settings=SETTINGS, out=tmp_path / "run").run
    assert "decoder.positions.project.weight" in latest_weights(run)
    assert sma_core.load(run).embed(["kato"]).shape[0] == 1
    tuned = sma_core.finetune(toy, model=run, settings={"training.epochs": 1.0}, out=tmp_path / "tuned").run
    install.remove(install.methods)
    missing = r"model\.positions cannot be 'ring'.*was made with sma-methods .*not installed: pip install"
    for folder in (run, tuned):
        with pytest.raises(ConfigError, match=missing):
            sma_core.load(folder)
    with pytest.raises(ConfigError, match=missing):
        sma_core.finetune(toy, model=run, out=tmp_path / "again")
    with pytest.raises(ConfigError, match=r"'sgd'.*was made with sma-methods"):
        sma_core.train(resume=run)


def test_an_encoder_with_options_reads_them_again_from_its_run(toy, tmp_path):
    run = sma_core.train(toy, settings=SETTINGS, out=tmp_path / "run").run
    encoder = sma_core.load(run).module.encoder
    assert (type(encoder).__name__, encoder.width) == ("Smoothed", 5)


def test_an_encoder_that_is_none_is_one_sentence(toy):
    with pytest.raises(PluginError, match=r"the encoder 'no-encoder' of sma-methods .* must be a subclass of"):
        sma_core.train(toy, settings={"model.encoder": "no-encoder"})
    with pytest.raises(ConfigError, match=r"cross-attention has no model\.encoder_options"):
        sma_core.train(toy, settings={"model.encoder_options.width": 3})


def test_an_augmentation_of_another_shape_is_one_sentence(toy, tmp_path):
    settings = {"training.augmentation": "cut", "training.epochs": 1.0}
    with pytest.raises(PluginError, match=r"the augmentation 'cut' of sma-methods .* must return inputs of shape"):
        sma_core.finetune(toy, settings=settings, out=tmp_path / "run")


def test_a_loss_for_other_inputs_is_refused(toy):
    with pytest.raises(ConfigError, match="is for continuous inputs"):
        sma_core.train(toy, settings={"model.decoder.loss": "mean-squared-error"})
