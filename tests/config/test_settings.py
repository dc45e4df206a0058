"""From recipe, file, environment and options to the settings of a verb."""

from typing import get_args

import pytest

from sma_core.config.layers import dump
from sma_core.errors import ConfigError
from sma_core.runs.recipes import recipe_names
from sma_core.runs.settings import Request, finetune_settings, pretrain_settings


def test_the_order_is_recipe_file_environment_command_line(toy, tmp_path, monkeypatch):
    file = tmp_path / "run.toml"
    file.write_text("[training]\nsteps = 20\nbatch_size = 20\nseed = 20\n")
    monkeypatch.setenv("SMA_TRAINING__STEPS", "30")
    monkeypatch.setenv("SMA_TRAINING__SEED", "30")
    resolved = pretrain_settings(toy, Request(config=file, settings={"training.seed": 40}))
    training = resolved.config.training
    assert (resolved.config.model.layers, training.batch_size, training.steps, training.seed) == (2, 20, 30, 40)
    names = ("recipe", "model.layers", "training.batch_size", "training.steps", "training.seed")
    assert [resolved.origins[name] for name in names] == [
        "`domain`",
        "recipe tiny",
        str(file),
        "the environment",
        "`settings`",
    ]


def test_the_environment_alone_changes_the_steps(toy, monkeypatch):
    monkeypatch.setenv("SMA_TRAINING__EPOCHS", "1.5")
    training = pretrain_settings(toy, Request()).config.training
    assert (training.steps, training.epochs) == (None, 1.5)


def test_tiny_is_the_recipe_when_none_is_named(toy):
    assert pretrain_settings(toy, Request()).config.recipe == "tiny"
    assert pretrain_settings(toy, Request("deep")).config.model.layers == 9


def test_an_unknown_recipe_lists_those_there_are(toy):
    assert recipe_names(toy) == ["deep", "tiny"]
    with pytest.raises(ConfigError, match="the domain 'toy' has no recipe 'huge': there are deep, tiny"):
        pretrain_settings(toy, Request("huge"))
    with pytest.raises(ConfigError, match="no recipe 'huge'"):
        finetune_settings(toy, Request("huge"))


def test_pretraining_takes_nothing_of_the_fine_tuning_tables(toy):
    resolved = pretrain_settings(toy, Request())
    assert resolved.config.training.learning_rate == 1e-4
    assert not any(name.startswith("finetune") for name in resolved.origins)


def test_finetuning_takes_its_tables_and_the_models_shape(toy):
    config = finetune_settings(toy, Request("deep")).config
    assert config.model.layers == 9
    assert (config.training.epochs, config.training.steps) == (2.0, None)
    assert config.training.batch_size == 32  # the recipe's 8 is for pre-training


@pytest.mark.parametrize(
    ("task", "rate"), [(None, 0.002), ("length", 0.002), ("toy:length", 0.002), ("vowels", 0.001)]
)
def test_a_tasks_own_table_counts_for_that_task_only(toy, task, rate):
    resolved = finetune_settings(toy, Request(settings={"task": task} if task else {}))
    assert resolved.config.training.learning_rate == rate
    assert resolved.config.task == task


def test_the_command_line_wins_over_a_tasks_table(toy):
    request = Request(settings={"task": "length", "training.learning_rate": 0.5})
    resolved = finetune_settings(toy, request)
    assert resolved.config.training.learning_rate == 0.5
    assert finetune_settings(toy, Request()).origins["training.learning_rate"] == "recipe tiny, task length"


def pretrained(toy):
    request = Request("deep", settings={"model.layers": 5, "data.truncate": False, "training.seed": 7})
    return dump(pretrain_settings(toy, request).config)


def test_a_pretrained_run_gives_recipe_shape_and_way_of_reading(toy):
    resolved = finetune_settings(toy, Request(), pretrained(toy))
    config = resolved.config
    assert (config.recipe, config.model.layers, config.data.truncate) == ("deep", 5, False)
    assert resolved.origins["model.layers"] == resolved.origins["data.truncate"] == "the pre-trained run"
    assert config.training.seed == 0  # its training settings stay its own
    assert config.training.learning_rate == 0.002


def test_a_recipe_of_ones_own_choice_keeps_the_runs_shape(toy):
    config = finetune_settings(toy, Request("tiny"), pretrained(toy)).config
    assert (config.recipe, config.model.layers) == ("tiny", 5)


def test_the_environment_may_hold_settings_of_another_verb(toy, monkeypatch):
    monkeypatch.setenv("SMA_MASKING__RATIO", "0.2")
    monkeypatch.setenv("SMA_TRAINING__BATCH_SIZE", "7")
    registry = toy
    assert finetune_settings(toy, Request()).config.training.batch_size == 7
    assert pretrain_settings(registry, Request()).config.masking.ratio == 0.2


def test_a_misspelt_setting_in_the_environment_is_still_an_error(toy, monkeypatch):
    monkeypatch.setenv("SMA_MASKING__RATOI", "0.2")
    with pytest.raises(ConfigError, match=r"'masking.ratoi' \(from the environment\)"):
        finetune_settings(toy, Request())


def test_every_kind_of_task_can_be_asked_for_and_judged():
    from sma_core.cli.options import Kind
    from sma_core.config import FinetuneConfig
    from sma_core.evaluation.metrics import METRICS
    from sma_core.plugins.specs import TaskKind

    kinds = get_args(TaskKind)
    assert get_args(Kind) == kinds
    assert {kind for metric in METRICS for kind in metric.kinds} == set(kinds)
    for kind in kinds:
        assert FinetuneConfig(domain="x", kind=kind).kind == kind


def test_a_domain_or_recipe_that_contradicts_the_one_named_is_refused(toy):
    with pytest.raises(ConfigError, match=r"the domain is 'toy', but 'other' is set too \(from `settings`\)"):
        pretrain_settings(toy, Request(settings={"domain": "other"}))
    with pytest.raises(ConfigError, match="the setting recipe is 'small', which would change its name only"):
        finetune_settings(toy, Request(settings={"recipe": "small"}))


def test_lists_of_names_may_be_text_between_commas(toy):
    settings = {"data.columns": 'pt, "log S, measured"', "data.names": ["a", "b"], "data.exclude": "y"}
    data = pretrain_settings(toy, Request(settings=settings)).config.data
    assert (data.columns, data.names, data.exclude) == (("pt", "log S, measured"), ("a", "b"), ("y",))
