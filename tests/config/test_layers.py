"""Layers of settings: which wins, where values came from, and what is said of a wrong one."""

import pytest

from sma_core.config import FinetuneConfig, PretrainConfig
from sma_core.config.layers import (
    Layer,
    dump,
    environment_values,
    flatten,
    parse_assignments,
    parse_value,
    read_toml,
    resolve,
    settings_of,
)
from sma_core.errors import ConfigError

BASE = Layer("--domain", {"domain": "toy"})


def settings(*layers):
    return resolve(PretrainConfig, [BASE, *layers])


def training(name, **values):
    return Layer(name, {"training": values})


def test_later_layers_win_and_origins_tell_which():
    resolved = settings(
        training("recipe", steps=1, batch_size=2, seed=3), training("file", batch_size=20, seed=30)
    )
    found = resolved.config.training
    assert (found.steps, found.batch_size, found.seed) == (1, 20, 30)
    assert resolved.origins == {
        "domain": "--domain",
        "training.steps": "recipe",
        "training.batch_size": "file",
        "training.seed": "file",
        "training.epochs": "recipe",
    }
    assert "training.keep_last" not in resolved.origins


def test_an_unknown_setting_names_a_near_one_and_its_layer():
    with pytest.raises(ConfigError) as error:
        settings(training("run.toml", stpes=3))
    assert str(error.value) == (
        "there is no setting 'training.stpes' (from run.toml): did you mean 'training.steps'?"
    )


def test_an_unknown_section_is_compared_as_a_whole():
    with pytest.raises(
        ConfigError, match=r"no setting 'trainin\.steps' \(from f\): did you mean 'training\.steps'"
    ):
        settings(Layer("f", {"trainin": {"steps": 3}}))


def test_an_unknown_setting_that_is_like_none_says_where_all_are():
    with pytest.raises(ConfigError, match=r"no setting 'qqq' \(from f\): sma config show lists every setting"):
        settings(Layer("f", {"qqq": 3}))


@pytest.mark.parametrize(
    ("section", "name", "value", "said"),
    [
        ("training", "steps", 0, "'training.steps' cannot be 0 (from run.toml): input should be greater than"),
        (
            "training",
            "steps",
            "many",
            "'training.steps' cannot be 'many' (from run.toml): input should be a valid",
        ),
        (
            "masking",
            "strategy",
            "Guide",
            "'masking.strategy' cannot be 'Guide' (from run.toml): string should match",
        ),
        ("masking", "ratio", 1.0, "'masking.ratio' cannot be 1.0 (from run.toml): input should be less than 1"),
    ],
)
def test_a_wrong_value_names_setting_value_layer_and_limit(section, name, value, said):
    with pytest.raises(ConfigError) as error:
        settings(training("recipe", steps=5, batch_size=3), Layer("run.toml", {section: {name: value}}))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_value_where_a_section_belongs():
    with pytest.raises(ConfigError, match=r"'training' cannot be 5 \(from --set\)"):
        settings(Layer("--set", {"training": 5}))
    with pytest.raises(ConfigError, match=r"'training\.steps' is inside 'training', which is a value"):
        settings(Layer("--set", {"training": 5}), training("later", steps=3))


def test_settings_that_do_not_fit_together_say_which():
    with pytest.raises(ConfigError, match=r"in model: cannot divide model\.latent_width by model\.heads"):
        settings(Layer("f", {"model": {"latent_width": 10, "cross_heads": 3}}))


def test_no_domain_is_a_missing_setting():
    with pytest.raises(ConfigError, match="'domain' is missing"):
        resolve(PretrainConfig, [])


@pytest.mark.parametrize(
    ("lower", "upper", "steps", "epochs"),
    [
        ({"steps": 9}, {"epochs": 2.0}, None, 2.0),
        ({"epochs": 2.0}, {"steps": 9}, 9, None),
        ({"epochs": 2.0}, {"batch_size": 4}, None, 2.0),
        ({"steps": 9}, {"steps": 5}, 5, None),
        ({"steps": 9}, {"epochs": "none"}, 9, None),
    ],
)
def test_a_layers_steps_or_epochs_replace_the_other_of_lower_layers(lower, upper, steps, epochs):
    found = settings(training("recipe", **lower), training("file", **upper)).config.training
    assert (found.steps, found.epochs) == (steps, epochs)


def test_steps_none_leaves_the_default_epochs():
    found = resolve(FinetuneConfig, [BASE, training("--set", steps="none")]).config.training
    assert (found.steps, found.epochs) == (None, 40.0)


def test_neither_steps_nor_epochs_is_said():
    with pytest.raises(ConfigError, match=r"set training\.steps or training\.epochs"):
        settings(training("recipe", batch_size=3))


@pytest.mark.parametrize("model", [PretrainConfig, FinetuneConfig])
def test_a_dump_reads_back_as_the_same_config(model, tmp_path):
    tomli_w = pytest.importorskip("tomli_w")
    config = resolve(model, [BASE, training("f", epochs=2.5, clip_norm="none")]).config
    assert config.training.clip_norm is None
    path = tmp_path / "config.toml"
    path.write_text(tomli_w.dumps(dump(config)))
    assert resolve(model, [Layer("file", read_toml(path))]).config == config
    assert "none" in dump(config)["training"].values()


def test_none_is_refused_where_a_value_is_needed():
    with pytest.raises(ConfigError, match=r"'training\.batch_size' cannot be 'none'"):
        settings(training("f", steps=1, batch_size="none"))


@pytest.mark.parametrize("model", [PretrainConfig, FinetuneConfig])
def test_every_setting_has_a_description(model):
    described = dict(settings_of(model))
    assert set(described) >= {"domain", "training.steps", "model.decoder.width"}
    assert [name for name, text in described.items() if len(text) < 10 or not text.endswith(".")] == []


def test_the_environment_sets_with_two_underscores():
    found = environment_values(
        {"SMA_TRAINING__STEPS": "12", "SMA_DATA__COLUMN": "b", "SMA_DATA": "/x", "OTHER__A": "1", "SMA_CACHE": "c"}
    )
    assert found == {"training": {"steps": 12}, "data": {"column": "b"}}


def test_assignments_become_nested_values():
    found = parse_assignments(["training.steps=10", " masking.strategy = random", "data.column=a=b", "a.b="])
    assert found == {
        "training": {"steps": 10},
        "masking": {"strategy": "random"},
        "data": {"column": "a=b"},
        "a": {"b": ""},
    }
    assert dict(flatten(found))["data.column"] == "a=b"


@pytest.mark.parametrize("assignment", ["training.steps", "=3", " =3", ""])
def test_a_malformed_assignment_shows_the_form(assignment):
    with pytest.raises(ConfigError, match=r"must look like section\.name=value"):
        parse_assignments([assignment])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1e-4", 1e-4),
        ("true", True),
        ("True", "True"),
        ('["a", "b"]', ["a", "b"]),
        ('"7"', "7"),
        ("path/to file.csv", "path/to file.csv"),
        ("none", "none"),
    ],
)
def test_values_are_toml_else_text(text, value):
    assert parse_value(text) == value


def test_a_missing_or_malformed_file_is_named(tmp_path):
    path = tmp_path / "run.toml"
    with pytest.raises(ConfigError, match=r"cannot read the settings file .*run\.toml: No such file"):
        read_toml(path)
    for content in (b"[training\nsteps = 1", b"a = '\xff'"):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"run\.toml is not valid TOML"):
            read_toml(path)
    with pytest.raises(ConfigError, match="cannot read the settings file"):
        read_toml(tmp_path)
