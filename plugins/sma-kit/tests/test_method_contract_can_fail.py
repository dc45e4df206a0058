"""A plugin with one thing wrong in a masking strategy, loss, optimiser, schedule or metric fails its check."""

import pytest

from sma_kit import ExtensionContract
from sma_kit.check_plugin import check_plugin
from sma_kit.checks.small_methods import fault_of_augmentation
from tests.support.wrong_plugins import CHECKS, breaks, failure, failures, with_part

GOOD = """
'''Parts of the method.'''
from contextlib import contextmanager
import torch
from sma_core.nn.encoders.self_attention import SelfAttentionEncoder
from sma_core.nn.losses.cross_entropy import CrossEntropy
from sma_core.nn.masking import every_position, hide
from sma_core.nn.strategies.protocol import Hiding

class Strategy(Hiding):
    '''Hide at random.'''
    hides = True

    def choose(self, situation):
        mask = hide(situation.noise.positions, situation.padding_mask, situation.masking, situation.noise)
        return mask

class Loss(CrossEntropy):
    '''Cross-entropy.'''
    def __call__(self, outputs, targets, mask):
        result = super().__call__(outputs, targets, mask)
        return result

class Positions(torch.nn.Embedding):
    'A table.'
    def __init__(self, config, width):
        super().__init__(config.max_length, width)

    def forward(self, length):
        return self.weight[:length]

class Encoder(SelfAttentionEncoder):
    'Reads rows twice.'
    def __init__(self, config):
        super().__init__(config)

    def query_count(self, length):
        return length

    def enter(self, projected, embedded, visible, most_visible=None):
        entered = super().enter(projected, embedded, visible, most_visible)
        return entered

    def trunk(self, entered, depth=None):
        return super().trunk(super().trunk(entered, depth), depth)

def jitter(config, options):
    'Exchange neighbours.'
    def augment(inputs, padding_mask, generator):
        chance = torch.rand(1, generator=generator)
        changed = torch.where(chance < 0.5, inputs, inputs.roll(1, 1))
        return changed
    return augment

def optimizer(groups, config):
    'SGD with momentum.'
    return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9)

def schedule(step, steps):
    'A line.'
    return 1 - step / (steps + 1)

def error(labels, predictions):
    'Mean absolute error.'
    return float(abs(labels - predictions).mean())

@contextmanager
def tabs(path, suffix):
    'Columns beside each other, with tabs.'
    with path.open("w", encoding="utf-8") as file:
        yield Tabs(file)

def average(rows):
    'Mean of the training labels.'
    shape = (len(rows.inputs), rows.columns)
    return torch.full(shape, float(rows.labels[rows.train].mean())).numpy()

class Limits:
    'The prediction and 1.'
    def __init__(self, models, value):
        self.models = models

    def columns(self, chunk, predictions):
        return {"upper": predictions.values[:, 0] + 1}

    def figures(self, judged):
        return [{"share": 1.0} for _ in judged.targets.names]

class Tabs:
    def __init__(self, file):
        self.file = file

    def write(self, columns):
        for cells in zip(*(column.to_pylist() for column in columns.values())):
            print(*cells, sep="\\t", file=self.file)
"""
SPECS = {
    hook: f'{spec}(name="own", summary="One of ours.", factory="toy_plugin.own:{factory}"{more})'
    for hook, spec, factory, more in (
        ("sma_masking_strategies", "MaskingStrategy", "Strategy", ""),
        ("sma_losses", "Loss", "Loss", ', inputs=("discrete",)'),
        ("sma_position_embeddings", "PositionEmbedding", "Positions", ""),
        ("sma_encoders", "EncoderType", "Encoder", ""),
        ("sma_augmentations", "Augmentation", "jitter", ""),
        ("sma_optimizers", "Optimizer", "optimizer", ""),
        ("sma_schedules", "Schedule", "schedule", ""),
        ("sma_metrics", "Metric", "error", ', kinds=("regression",), higher_is_better=False'),
        ("sma_table_formats", "TableFormat", "tabs", ', suffixes=(".tabs",)'),
        ("sma_prediction_columns", "PredictionColumns", "Limits", ""),
        ("sma_baselines", "Baseline", "average", ', kinds=("regression", "multiclass")'),
    )
}
WORDS = (
    *(
        "masking_strategies",
        "losses",
        "position_embeddings",
        "encoders",
        "augmentations",
        "optimizers",
        "schedules",
        "metrics",
    ),
    *("table_formats", "prediction_columns", "baselines"),
)
OF_METHOD = [name for name in CHECKS if any(word in name for word in WORDS)]
MASK = "        return mask\n"
RESULT = "        return result\n"


@pytest.fixture
def wrong(install):
    """Install the toy with parts of the method, one line of which is another."""

    def installed(old="", new=""):
        assert old in GOOD
        changes = [change for hook, spec in SPECS.items() for change in with_part(hook, spec)]
        install.toy(*changes, own=GOOD.replace(old, new) if old else GOOD)

    return installed


def only_failure_of_method(name):
    found = {check: sentence for check in OF_METHOD if (sentence := failure(check))}
    assert list(found) == [name], found
    assert "\n" not in found[name]
    return found[name]


def test_good_parts_hold_the_contract(wrong):
    wrong()
    assert failures(*OF_METHOD) == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (MASK, "        return mask._replace(hidden=torch.ones_like(mask.hidden))\n", "hide no padding"),
        (
            "situation.padding_mask, situation.masking",
            "situation.padding_mask.flip(1).cummax(1).values.flip(1), situation.masking",
            "hide no padding and no missing value",
        ),
        (
            MASK,
            "        return every_position(situation.padding_mask, situation.padding_mask)\n",
            "leave at least one input",
        ),
        ("    hides = True", "    hides = False", "agree with its attribute hides"),
        (MASK, "        return mask.hidden\n", "return a sma_core.nn.masking.Mask"),
        (
            "hide(situation.noise.positions,",
            "hide(float('nan') * situation.noise.positions,",
            "rank positions by numbers, not NaN",
        ),
        (
            MASK,
            "        return mask._replace(valid=torch.zeros_like(mask.valid))\n",
            "list every hidden position",
        ),
        (
            "    hides = True",
            "    def most_visible(self, length, masking): return 2",
            "leave no more inputs visible than its most_visible, 2",
        ),
        ("class Strategy(Hiding)", "class Strategy", "must be created by factory(options)"),
    ],
)
@breaks("test_masking_strategies_hide_real_positions")
def test_a_strategy_whose_masks_are_wrong(wrong, old, new, said):
    wrong(old, new)
    assert said in failure("test_masking_strategies_hide_real_positions")


@breaks("test_masking_strategies_repeat_themselves")
def test_a_strategy_with_chance_of_its_own(wrong):
    wrong("hide(situation.noise.positions,", "hide(torch.rand_like(situation.noise.positions),")
    assert "situation.noise" in only_failure_of_method("test_masking_strategies_repeat_themselves")


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("        return result._replace(loss=result.loss / result.scored)\n", "finite, also when no position"),
        ("        return result._replace(loss=result.loss + outputs.square().mean())\n", "and on no others"),
        ("        return result._replace(scored=result.scored + 1)\n", "mask.valid.sum() as scored"),
        ("        return result.loss\n", "must score discrete inputs"),
    ],
)
@breaks("test_losses_score_the_positions_that_count")
def test_a_wrong_loss(wrong, new, said):
    wrong(RESULT, new)
    assert said in only_failure_of_method("test_losses_score_the_positions_that_count")


NUMBERS = (
    "class Loss(CrossEntropy):\n    '''Cross-entropy.'''\n    def __call__(self, outputs, targets, mask):\n"
    "        result = super().__call__(outputs, targets, mask)\n"
)


@pytest.mark.parametrize(
    ("known", "said"),
    [("known", ""), ("None", "with the parameter known also where that is True")],
)
def test_a_loss_that_scores_missing_values(wrong, monkeypatch, known, said):
    monkeypatch.setitem(SPECS, "sma_losses", SPECS["sma_losses"].replace("discrete", "continuous"))
    wrong(
        NUMBERS,
        "from sma_core.nn.losses.mean_squared_error import value_loss\n\n"
        "class Loss:\n    '''Squares.'''\n    def __init__(self, config): pass\n"
        "    def __call__(self, outputs, targets, mask, known=None):\n"
        f"        result = value_loss(outputs, targets, mask, {known})\n",
    )
    assert said in failure("test_losses_score_the_positions_that_count")
    assert bool(said) == bool(failure("test_losses_score_the_positions_that_count"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("self.weight[:length]", "self.weight", "finite vectors of shape (length, width), such as (24, 16)"),
        ("self.weight[:length]", "self.weight[:length] / length", "the same vector for any length"),
        ("self.weight[:length]", "self.weight[:length] * 0", "different positions different vectors"),
        (
            "        return self.weight[:length]",
            "        self.own = getattr(self, 'own', torch.randn(24, 16))\n        return self.own[:length]",
            "keep what it draws in parameters",
        ),
        ("(self, config, width)", "(self, config)", "must be created by factory(model_config, width)"),
    ],
)
@breaks("test_position_embeddings_tell_positions_apart")
def test_position_embeddings_that_are_wrong(wrong, old, new, said):
    wrong(old, new)
    assert said in only_failure_of_method("test_position_embeddings_tell_positions_apart")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "class Encoder(SelfAttentionEncoder)",
            "class Encoder(torch.nn.Module)",
            "must be created by factory(model_config)",
        ),
        ("return length\n\n    def enter", "return 7\n\n    def enter", "have query_count(16) queries, not 16"),
        (
            "        return entered\n",
            "        return entered._replace(values=entered.values[:, :, :8])\n",
            "must be created by factory(model_config), and encode rows",
        ),
        (
            "enter(projected, embedded, visible, most_visible)\n",
            "enter(projected, embedded, torch.ones_like(visible), None)\n",
            "ignore padding",
        ),
        (
            "        return entered\n",
            "        cut = entered.values.shape[1] < embedded.shape[1]\n"
            "        values = entered.values + embedded.amax(1, keepdim=True) * cut\n"
            "        return entered._replace(values=values)\n",
            "ignore hidden positions",
        ),
        (
            "        return entered\n",
            "        return entered._replace(values=torch.ones_like(entered.values))\n",
            "tell visible positions apart",
        ),
        (
            "        return entered\n",
            "        self.own = getattr(self, 'own', torch.randn(16))\n"
            "        return entered._replace(values=entered.values + self.own)\n",
            "keep what it draws in parameters",
        ),
    ],
)
@breaks("test_encoders_read_visible_positions_only")
def test_encoders_that_are_wrong(wrong, old, new, said):
    wrong(old, new)
    assert said in only_failure_of_method("test_encoders_read_visible_positions_only")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def jitter(config, options)", "def jitter(config)", "must be created by factory(model_config, options)"),
        ("inputs, inputs.roll(1, 1))", "inputs, inputs.roll(1, 1))[:, 1:]", "keep shape and type of the inputs"),
        ("generator=generator)", "generator=None)", "take all chance from the generator"),
        (
            "        changed = torch.where(",
            "        inputs += 1\n        changed = torch.where(",
            "and not modify",
        ),
    ],
)
@breaks("test_augmentations_keep_shapes_and_repeat_themselves")
def test_augmentations_that_are_wrong(wrong, old, new, said):
    wrong(old, new)
    assert said in only_failure_of_method("test_augmentations_keep_shapes_and_repeat_themselves")


@pytest.mark.parametrize(("share", "said"), [(0.0, "no infinite numbers"), (float("nan"), "NaN only where")])
def test_augmentations_of_numbers_that_are_not_finite(share, said):
    fault = fault_of_augmentation(lambda config, options: lambda inputs, *rest: inputs / share, discrete=False)
    assert said in fault


@breaks("test_optimizers_reduce_a_loss")
def test_an_optimiser_that_goes_uphill(wrong):
    wrong("momentum=0.9)", "momentum=0.9, maximize=True)")
    assert "must reduce a loss" in only_failure_of_method("test_optimizers_reduce_a_loss")


@breaks("test_optimizers_resume_exactly")
def test_an_optimiser_with_state_that_is_not_saved(wrong):
    wrong(
        "def optimizer(groups, config):\n    'SGD with momentum.'\n"
        "    return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9)\n",
        "class optimizer(torch.optim.SGD):\n    'SGD that slows down.'\n"
        "    def __init__(self, groups, config):\n"
        "        super().__init__(groups, lr=config.learning_rate)\n"
        "        self.count = 0\n"
        "    def step(self):\n"
        "        self.count += 1\n"
        "        for group in self.param_groups: group['lr'] = 0.01 / self.count\n"
        "        super().step()\n",
    )
    assert "optimizer.state[parameter]" in only_failure_of_method("test_optimizers_resume_exactly")


@pytest.mark.parametrize("factor", ["0.5 - step", "2.0", "1 / step"])
@breaks("test_schedules_are_factors")
def test_a_schedule_that_is_no_factor(wrong, factor):
    wrong("return 1 - step / (steps + 1)", f"return {factor}")
    assert "a factor" in only_failure_of_method("test_schedules_are_factors")


@breaks("test_metrics_prefer_right_predictions")
def test_a_metric_in_the_wrong_direction(wrong):
    wrong("return float(abs", "return -float(abs")
    assert "must be smaller for right predictions" in only_failure_of_method(
        "test_metrics_prefer_right_predictions"
    )


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("labels -= 1\n    predictions -= 1\n    return float(abs", "must not change labels"),
        ("labels[1]\n    return float(abs", "must return a number"),
        ("if len(labels) == 1: return float('inf')\n    return float(abs", "not infinity"),
    ],
)
@breaks("test_metrics_change_nothing_and_take_few_rows")
def test_a_metric_that_changes_its_arrays_or_needs_many(wrong, new, said):
    wrong("return float(abs", new)
    assert said in only_failure_of_method("test_metrics_change_nothing_and_take_few_rows")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('path.open("w", ', 'path.with_name("other").open("w", ', "write every chunk"),
        ("for cells in", "self.file.seek(0)\n        for cells in", "write every chunk"),
        ("print(*cells,", "print(*map(len, cells),", "must write a table: TypeError"),
    ],
)
@breaks("test_table_formats_write_chunks")
def test_a_table_format_that_loses_rows(wrong, old, new, said):
    wrong(old, new)
    assert said in only_failure_of_method("test_table_formats_write_chunks")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def __init__(self, models, value)", "def __init__(self, models)", "must take (models, value)"),
        (
            "def columns(self, chunk, predictions)",
            "def columns(self, chunk)",
            "must take (self, chunk, predictions)",
        ),
        ("def columns(self, chunk, predictions)", "def others(self, chunk)", "must have a method columns"),
        ("def figures(self, judged)", "def figures(self)", "must take (self, judged)"),
        ("class Limits:", "Limits = 3\n\nclass Other:", "must be a function or a class, not int"),
    ],
)
@breaks("test_prediction_columns_have_their_signatures")
def test_prediction_columns_of_other_arguments(wrong, old, new, said):
    wrong(old, new)
    assert said in only_failure_of_method("test_prediction_columns_have_their_signatures")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rows.columns)", "1)", "finite predictions of shape (60, 3) for multiclass"),
        ("rows.labels[rows.train]", "rows.labels", "finite predictions of shape (60, 1) for regression"),
        ("len(rows.inputs)", "len(rows.train)", "not (40, 1)"),
        ("rows.labels[rows.train]", "rows.targets", "must predict regression labels: AttributeError"),
    ],
)
@breaks("test_baselines_predict_every_row")
def test_a_baseline_that_leaves_rows_out(wrong, old, new, said):
    wrong(old, new)
    assert said in only_failure_of_method("test_baselines_predict_every_row")


EXTENSION = """
from sma_core.plugins import *

@metric("own", "regression", higher_is_better=False)
def error(labels, predictions):
    'Mean absolute error.'
    return float(abs(labels - predictions).mean())

@hookimpl
def sma_metrics():
    return metrics_in(__name__)
"""


def test_a_plugin_of_every_domain_is_checked_alone(install, monkeypatch):
    place = install("sma-lab", {"any.lab": "other_lab"}, {"other_lab.py": EXTENSION})
    monkeypatch.setenv("PYTHONPATH", str(place))

    class Lab(ExtensionContract):
        plugin = "any.lab"

    assert failure("test_metrics_prefer_right_predictions", Lab) == ""
    report = check_plugin("any.lab")
    outcomes = {check.name: check.outcome for check in report.checks}
    assert outcomes["metrics prefer right predictions"] == "passed"
    assert outcomes["every reference has a docstring"] == "passed"
    assert outcomes["schedules are factors"] == "skipped"
    assert not report.count("failed")
