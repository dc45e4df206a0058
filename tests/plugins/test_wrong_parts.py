"""What a part of a plugin returns wrongly, or raises, is one sentence: part, package, what was expected."""

import pytest

import sma_core
from sma_core.errors import PluginError

PLUGIN = """
import numpy as np
import torch
from sma_core.nn.encoders.cross_attention import CrossAttentionEncoder
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.losses.cross_entropy import CrossEntropy
from sma_core.nn.losses.reconstruction import Reconstruction
from sma_core.nn.masking import Mask, hide
from sma_core.nn.strategies.protocol import Hiding
from sma_core.plugins import *

class First(Hiding):
    def choose(self, situation):
        real, noise, masking = situation.padding_mask, situation.noise, situation.masking
        positions = torch.arange(real.shape[1]).expand(real.shape).contiguous()
        {choose}
        return hide(noise.positions, real, masking, noise)

def strategy(options):
    {strategy}
    return First(options)

class OwnHead(torch.nn.Module):
    def __init__(self, config, outputs):
        super().__init__()
        {init}
        self.linear = torch.nn.Linear(config.latent_width, outputs)

    def forward(self, encoded):
        outputs = self.linear(encoded.latents.values.mean(dim=1))
        {forward}
        return outputs

class Positions(torch.nn.Module):
    def __init__(self, config, width):
        super().__init__()
        self.table = torch.nn.Embedding(config.max_length, width)

    def forward(self, length):
        vectors = self.table.weight[:length]
        {positions}
        return vectors

class OwnLoss(CrossEntropy):
    def __call__(self, outputs, targets, mask):
        result = super().__call__(outputs, targets, mask)
        {loss}
        return result

class Own(CrossAttentionEncoder):
    def trunk(self, entered, depth=None):
        latents = super().trunk(entered, depth)
        {trunk}
        return latents

def optimizer(groups, config):
    optimizer = torch.optim.SGD(groups, lr=config.learning_rate)
    {optimizer}
    return optimizer

def schedule(step, steps):
    {schedule}
    return 1.0

def augmentation(config, options):
    {augmentation}
    def change(inputs, padding_mask, generator):
        {augment}
        return inputs
    return change

def own_metric(labels, predictions):
    {metric}
    return 1.0

def splitter(texts, valid, test, seed):
    parts = tuple(np.arange(start, len(texts), 3) for start in range(3))
    {splitter}
    return parts

def table(path, suffix):
    {table}
    return Table(path, suffix)

class Table:
    def __init__(self, path, suffix):
        self.file = open(path, "w")
        self.path = path
        {opened}

    def __enter__(self):
        {entered}
        return self

    def __exit__(self, *error):
        self.file.close()
        {closed}

    def write(self, columns):
        {write}
        print(len(columns), file=self.file)

NAMED = dict(summary="Own", name="own")

@hookimpl
def sma_masking_strategies(): return [MaskingStrategy(factory="other_wrong:strategy", **NAMED)]
@hookimpl
def sma_heads(): return [Head(factory="other_wrong:OwnHead", **NAMED)]
@hookimpl
def sma_position_embeddings(): return [PositionEmbedding(factory="other_wrong:Positions", **NAMED)]
@hookimpl
def sma_losses(): return [Loss(factory="other_wrong:OwnLoss", inputs=("discrete",), **NAMED)]
@hookimpl
def sma_encoders(): return [EncoderType(factory="other_wrong:Own", **NAMED)]
@hookimpl
def sma_optimizers(): return [Optimizer(factory="other_wrong:optimizer", **NAMED)]
@hookimpl
def sma_schedules(): return [Schedule(factory="other_wrong:schedule", **NAMED)]
@hookimpl
def sma_augmentations(): return [Augmentation(factory="other_wrong:augmentation", **NAMED)]
@hookimpl
def sma_splitters(): return [Splitter(factory="other_wrong:splitter", **NAMED)]
@hookimpl
def sma_table_formats(): return [TableFormat(factory="other_wrong:table", suffixes=(".own",), **NAMED)]
@hookimpl
def sma_metrics():
    return [Metric(factory="other_wrong:own_metric", kinds=("regression",), higher_is_better=True, **NAMED)]
"""
PLACES = (
    *("choose", "strategy", "init", "forward", "positions", "loss", "trunk", "optimizer", "schedule", "augment"),
    *("augmentation", "metric", "splitter", "table", "opened", "entered", "closed", "write"),
)
TRAINED = {
    "training.steps": 2,
    "masking.strategy": "own",
    "model.decoder.loss": "own",
    "model.positions": "own",
    "model.encoder": "own",
    "training.optimizer": "own",
    "training.schedule": "own",
}
TUNED = {"training.epochs": 1.0, "head": "own", "split.name": "own", "training.augmentation": "own"}
COMMON = {"training.batch_size": 4, "training.device": "cpu", "training.warmup_steps": 0, "training.log_every": 1}

BOOM = "raise ValueError('boom')"
MASK = "choose of the masking strategy 'own' of sma-wrong 1.0"
HEAD = "forward of the head 'own' of sma-wrong 1.0"
POSITIONS = "forward of the position embedding 'own' of sma-wrong 1.0"
LOSS = "the loss 'own' of sma-wrong 1.0"
TRUNK = "trunk of the encoder 'own' of sma-wrong 1.0"
OPTIMIZER = "of the optimizer 'own' of sma-wrong 1.0"
SCHEDULE = "the schedule 'own' of sma-wrong 1.0"
AUGMENTATION = "the augmentation 'own' of sma-wrong 1.0"
METRIC = "the metric 'own' of sma-wrong 1.0"
SPLITTER = "the splitter 'own' of sma-wrong 1.0"
TABLE = "the table format 'own' of sma-wrong 1.0"
SHAPE = "must return a tensor of floating-point numbers of shape (B, outputs) = ("
FACTOR = "must return a finite factor >= 0"
SCORED = "a Reconstruction whose scored is the number of positions that it scored, from 0 to the "
WRONG = [
    (
        "choose",
        "return None",
        f"{MASK} must return a sma_core.nn.masking.Mask, as its function hide does, not None",
    ),
    ("choose", "return real", f"{MASK} must return a sma_core.nn.masking.Mask"),
    ("choose", BOOM, f"{MASK} failed: ValueError: boom"),
    ("choose", "return Mask(real[:, 1:], positions, real)", "a mask whose hidden is bool of shape ("),
    ("choose", "return Mask(real, positions.float(), real)", "a mask whose positions are int64 of shape ("),
    ("choose", "return Mask(real, positions, real[:, 1:])", "a mask whose valid is bool of shape ("),
    ("choose", "return Mask(real, positions + 1, real)", "a mask whose positions are from 0 to "),
    ("choose", "real = torch.ones_like(real)", f"{MASK} must return a mask that hides no padding"),
    (
        "choose",
        "return Mask(real, positions, real)",
        "a mask that leaves an input of every row visible, also of row 1",
    ),
    (
        "choose",
        "return hide(noise.positions, real, masking, noise)._replace(valid=torch.zeros(len(real), 1, dtype=bool),"
        " positions=positions[:, :1])",
        "a mask that lists every hidden position",
    ),
    (
        "choose",
        "return hide(noise.positions * float('nan'), real, masking, noise)",
        f"{MASK} must rank positions by numbers, but its ranking contains NaN",
    ),
    (
        "choose",
        "return hide(noise.positions[:, :2], real, masking, noise)",
        f"{MASK} failed: ValueError: the ranking must have a number for each position of padding_mask, a "
        "tensor of shape (B, N) = (",
    ),
    ("choose", "return hide(None, real, masking, noise)", "of padding_mask, a tensor of shape (B, N) = ("),
    (
        "strategy",
        "return 3",
        "the masking strategy 'own' of sma-wrong 1.0 has no guided, hides, choose, most_visible",
    ),
    ("strategy", BOOM, "the factory of the masking strategy 'own' of sma-wrong 1.0 failed: ValueError: boom"),
    ("init", BOOM, "the factory of the head 'own' of sma-wrong 1.0 failed: ValueError: boom"),
    ("forward", "return None", f"{HEAD} {SHAPE}"),
    ("forward", "return outputs.detach().numpy()", f"{HEAD} {SHAPE}"),
    ("forward", "return outputs[:, 0]", f"{HEAD} {SHAPE}"),
    ("forward", "return outputs[:1, :0]", f"{HEAD} {SHAPE}"),
    ("forward", "return torch.zeros_like(outputs)", f"{HEAD} must return outputs that depend on its parameters"),
    ("forward", "return outputs * float('nan')", f"{HEAD} must return finite outputs, as its inputs are"),
    ("forward", BOOM, f"{HEAD} failed: ValueError: boom"),
    (
        "positions",
        "return None",
        f"{POSITIONS} must return a tensor of floating-point numbers of shape (length, width)",
    ),
    ("positions", "return vectors[:-1]", f"{POSITIONS} must return"),
    ("positions", "return vectors[:, :-1]", f"{POSITIONS} must return"),
    ("positions", "return vectors[:1]", f"{POSITIONS} must return"),
    ("positions", "return vectors * float('nan')", f"{POSITIONS} must return finite numbers"),
    ("positions", "return vectors[None]", f"{POSITIONS} must return"),
    ("positions", BOOM, f"{POSITIONS} failed: ValueError: boom"),
    (
        "loss",
        "return None",
        f"{LOSS} must return a sma_core.nn.losses.reconstruction.Reconstruction, not NoneType",
    ),
    ("loss", "return result.loss", f"{LOSS} must return a sma_core.nn.losses.reconstruction.Reconstruction"),
    ("loss", "return result._replace(loss=1.0)", "a Reconstruction whose loss is a tensor of one number"),
    ("loss", "return result._replace(loss=outputs)", "a Reconstruction whose loss is a tensor of one number"),
    ("loss", "return result._replace(scored=3)", "a Reconstruction whose scored is a tensor of one number"),
    (
        "loss",
        "return result._replace(loss=result.loss.detach())",
        f"{LOSS} must return a loss that depends on the outputs",
    ),
    ("loss", "return result._replace(loss=result.loss * float('nan'))", f"{LOSS} must return a finite loss"),
    ("loss", "return result._replace(scored=result.scored * 1000)", f"{LOSS} must return {SCORED}"),
    ("loss", "return result._replace(scored=result.scored + 1)", f"{LOSS} must return {SCORED}"),
    ("loss", "return result._replace(scored=-result.scored)", f"{LOSS} must return {SCORED}"),
    ("loss", "return result._replace(scored=result.scored * float('nan'))", "where mask.valid, not nan"),
    ("loss", BOOM, f"{LOSS} failed: ValueError: boom"),
    ("trunk", "return latents.values", f"{TRUNK} must return a sma_core.nn.encoders.encoder.Latents, not Tensor"),
    ("trunk", "return Latents(latents.values[:, :, 1:], None)", f"{TRUNK} must return Latents whose values have"),
    ("trunk", "return Latents(latents.values, latents.values)", f"{TRUNK} must return Latents whose real is None"),
    ("trunk", "return Latents(latents.values[:, :0], None)", f"{TRUNK} must return Latents whose values have"),
    (
        "trunk",
        "return Latents(latents.values * float('inf'), latents.real)",
        f"{TRUNK} must return finite numbers, as its inputs are",
    ),
    ("trunk", BOOM, f"{TRUNK} failed: ValueError: boom"),
    ("optimizer", "return None", f"the factory {OPTIMIZER} must return a torch.optim.Optimizer, not NoneType"),
    ("optimizer", "return torch.optim.SGD(groups[:1], lr=0.1)", f"the factory {OPTIMIZER} must pass all groups"),
    ("optimizer", "optimizer.step = lambda *_: 1 / 0", f"step {OPTIMIZER} failed: ZeroDivisionError"),
    ("optimizer", BOOM, f"the factory {OPTIMIZER} failed: ValueError: boom"),
    ("schedule", "return None", f"{SCHEDULE} must return a number, not NoneType"),
    ("schedule", "return -1.0", f"{SCHEDULE} {FACTOR}, not -1, as for step 0 of 2 after the warm-up"),
    (
        "schedule",
        "return float('nan')",
        f"{SCHEDULE} {FACTOR}, not nan, as for step 0 of 2",
    ),
    (
        "schedule",
        "return np.inf if step else 1",
        f"{SCHEDULE} {FACTOR}, not inf, as for step 1 of 2",
    ),
    ("schedule", BOOM, f"{SCHEDULE} failed: ValueError: boom"),
    ("augment", "return None", f"{AUGMENTATION} must return inputs of shape"),
    ("augmentation", "return None", f"the factory of {AUGMENTATION} must return a function, not NoneType"),
    ("augment", BOOM, f"{AUGMENTATION} failed: ValueError: boom"),
    ("metric", "return None", f"{METRIC} must return a number, NaN where it is undefined, not NoneType"),
    ("metric", "return '1.0'", f"{METRIC} must return a number"),
    (
        "metric",
        "return np.ones(3)",
        f"{METRIC} must return a number, NaN where it is undefined, not ndarray of shape (3,)",
    ),
    (
        "metric",
        "return float('inf')",
        f"{METRIC} must return a finite number, or NaN where it is undefined, not inf",
    ),
    ("metric", BOOM, f"{METRIC} failed on"),
    ("splitter", "return None", f"{SPLITTER} must return a tuple of three int64 arrays"),
    ("splitter", "return parts[:2]", f"{SPLITTER} must return a tuple of three int64 arrays"),
    ("splitter", "return parts[0] * 1.0, parts[1], parts[2]", "and test rows, not a tuple of ndarray of shape"),
    (
        "splitter",
        "return parts[0], parts[0][:5], parts[2]",
        f"{SPLITTER} must return each row once, but row 1 is",
    ),
    (
        "splitter",
        "return parts[0] + 1000, parts[1], parts[2]",
        f"{SPLITTER} must return indices of the 30 rows, from 0 to 29, not 1,000",
    ),
    (
        "table",
        "return None",
        f"the factory of {TABLE} must return an object with the methods __enter__, write",
    ),
    ("entered", "return None", f"__enter__ of {TABLE} must return an object with the method write, not NoneType"),
    (
        "closed",
        "self.path.unlink()",
        f"{TABLE} must write the file whose path its factory gets, but",
    ),
    ("splitter", BOOM, f"{SPLITTER} failed: ValueError: boom"),
    ("opened", BOOM, f"{TABLE} failed: ValueError: boom"),
    ("closed", BOOM, f"{TABLE} failed: ValueError: boom"),
    ("write", BOOM, f"write of {TABLE} failed: ValueError: boom"),
]


@pytest.fixture
def parts(install, monkeypatch, tmp_path):
    """Install the toy, and a package with every part, of which one is wrong."""
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    install.toy()

    def make(place="choose", body="pass"):
        source = PLUGIN
        for name in PLACES:
            source = source.replace("{" + name + "}", body if name == place else "pass")
        install("sma-wrong", {"any.wrong": "other_wrong"}, {"other_wrong.py": source})

    return make


def run(place, out):
    """Pre-train, or fine-tune where the wrong part is one of fine-tuning."""
    if place in ("init", "forward", "augment", "augmentation", "metric", "splitter"):
        return sma_core.finetune("toy", settings=COMMON | TUNED, out=out)
    if place in ("table", "opened", "entered", "closed", "write"):
        run = sma_core.finetune("toy", settings=COMMON | TUNED, out=out).run
        return sma_core.predict(run, "toy:words", out=out.with_suffix(".own"))
    return sma_core.train("toy", settings=COMMON | TRAINED, out=out)


@pytest.mark.parametrize("place", ["choose", "forward"])
def test_parts_that_are_right_train(parts, tmp_path, place):
    parts()
    assert run(place, tmp_path / "run").run.is_dir()


def test_a_table_that_is_right_is_written(parts, tmp_path):
    parts()
    assert run("write", tmp_path / "run").out.read_text().strip().isdigit()


@pytest.mark.parametrize(("place", "body", "sentence"), WRONG)
def test_a_wrong_part_is_a_sentence(parts, tmp_path, place, body, sentence):
    parts(place, body)
    with pytest.raises(PluginError) as raised:
        run(place, tmp_path / "run")
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run.own").exists()
