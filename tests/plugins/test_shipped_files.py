"""Recipes and suites that extensions add, beside those in the packages of the domain."""

import pytest

import sma_core
from sma_core.errors import ConfigError, MissingPartError, PluginError
from sma_core.plugins.diagnosis.doctor import doctor
from sma_core.plugins.registry import Registry
from sma_core.plugins.shipped_files import ShippedFiles
from sma_core.plugins.specs import ShippedSuite
from sma_core.runs.recipes import recipe_names
from sma_core.runs.settings import Request, finetune_settings, pretrain_settings

HOOKS = """
from pathlib import Path
from sma_core.plugins import *

@hookimpl
def sma_recipes():
    return [ShippedRecipe(name="{name}", summary="Own", base={base!r}, locate="{module}:recipe")]

@hookimpl
def sma_suites():
    return [ShippedSuite(name="{name}", summary="Own", locate="{module}:suite")]

def recipe():
    return Path(__file__).with_name("{module}.toml")

def suite():
    return Path(__file__).with_name("{module}_suite.toml")
"""
RECIPE = """
[masking]
strategy = "random"

[training]
epochs = 3.0

[finetune.training]
batch_size = 4

[finetune.tasks.length.training]
learning_rate = 0.25
"""


def install_files(install, entry="toy.own", name="own", base="tiny", recipe=RECIPE, change=("", "")):
    """Install an extension with a recipe and a suite, both called ``name``; ``change`` replaces a text in it."""
    module = f"other_{entry.replace('.', '_')}"
    hooks = HOOKS.format(name=name, base=base, module=module)
    assert change[0] in hooks
    files = {f"{module}.py": hooks.replace(*change), f"{module}.toml": recipe, f"{module}_suite.toml": ""}
    return install(f"sma-{entry.replace('.', '-')}", {entry: module}, files)


def test_a_recipe_begins_from_one_of_the_domain_and_holds_what_differs(install):
    install.toy()
    install_files(install)
    toy = Registry.load("toy")
    assert recipe_names(toy) == ["own", "paper", "small", "tiny"]
    resolved = pretrain_settings(toy, Request("own"))
    config = resolved.config
    assert (config.recipe, config.masking.strategy, config.model.latents) == ("own", "random", 4)
    assert (config.training.epochs, config.training.steps) == (3.0, None)  # its epochs replace the steps of tiny
    origins = ("masking.strategy", "training.epochs", "model.latents")
    assert [resolved.origins[name] for name in origins] == ["recipe own", "recipe own", "recipe tiny"]
    tuned = finetune_settings(toy, Request("own"))
    assert (tuned.config.training.epochs, tuned.config.training.batch_size) == (2.0, 4)
    assert tuned.config.training.learning_rate == 0.25
    assert tuned.origins["training.learning_rate"] == "recipe own, task length"


def test_a_recipe_without_base_is_all_there_is(install):
    install.toy()
    install_files(install, base=None)
    config = pretrain_settings(Registry.load("toy"), Request("own")).config
    assert (config.masking.strategy, config.model.latents) == ("random", 128)


def test_an_extension_of_every_domain_adds_its_recipe_to_each(install, toy, numbers):
    install.keep("toy-domain", "toy-numbers")
    install_files(install, "any.own")
    for domain in (toy, numbers):
        registry = Registry.load(domain)
        config = pretrain_settings(registry, Request("own")).config
        assert config.masking.strategy == "random"
        assert config.model == pretrain_settings(registry, Request("tiny")).config.model


def test_the_program_shows_what_a_recipe_of_an_extension_sets(install, run_sma):
    install.toy()
    install_files(install)
    shown = run_sma("config", "show", "--domain", "toy", "--recipe", "own").stdout
    (line,) = [line.split()[:4] for line in shown.splitlines() if line.startswith("masking.strategy")]
    assert line == ["masking.strategy", "random", "recipe", "own"]
    missed = run_sma("config", "show", "--domain", "toy", "--recipe", "onw")
    said = "error: the domain 'toy' has no recipe 'onw': did you mean 'own'?\n"
    assert (missed.returncode, missed.stderr) == (2, said)


def test_info_lists_recipes_and_suites(install, run_sma, monkeypatch):
    install.toy()
    install_files(install)
    monkeypatch.setenv("PYTHONPATH", install.environment()["PYTHONPATH"])
    shown = run_sma("plugins", "info", "toy.own").stdout
    assert "recipe  own   Own" in shown
    assert "suite   own   Own" in shown


def test_two_of_one_name_name_both_packages(install, monkeypatch):
    install.toy()
    place = install_files(install, name="tiny")
    said = r"recipe 'tiny' is provided by both sma-toy 1\.0 and sma-toy-own 1\.0; uninstall one of them or rename"
    with pytest.raises(PluginError, match=said):
        pretrain_settings(Registry.load("toy"), Request("small"))
    monkeypatch.setenv("PYTHONPATH", install.environment()["PYTHONPATH"])
    (found,) = [each for each in doctor() if each.name == "toy"]
    assert found.status == "conflict"
    assert "recipe 'tiny' is provided by both" in found.detail
    install.remove(place)
    install_files(install)
    install_files(install, "any.more")
    both = r"recipe 'own' is provided by both sma-any-more 1\.0 and sma-toy-own 1\.0"
    with pytest.raises(PluginError, match=both):
        Registry.load("toy")


def test_the_general_recipes_are_those_of_the_core(install):
    install.toy(('recipes="toy_plugin.recipes", ', ""))
    install_files(install, name="paper")
    with pytest.raises(PluginError, match=r"'paper' is provided by both sma-core and sma-toy-own 1\.0"):
        recipe_names(Registry.load("toy"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"change": ('"other_toy_own.toml"', '"gone.toml"')},
            r"of sma-toy-own 1\.0 cannot be found: there is no file",
        ),
        ({"change": ("Path(__file__)", "nothing")}, "cannot be found: other_toy_own:recipe failed with NameError"),
        ({"change": ("Path(__file__).with_name", "str")}, "must return a Path, not 'other_toy_own.toml'"),
        ({"change": ("other_toy_own:recipe", "other_toy_own:none")}, "other_toy_own:none', which does not exist"),
        ({"recipe": "[masking"}, r"the recipe 'own' of sma-toy-own 1\.0 is not valid TOML"),
        ({"base": "deep"}, r"of sma-toy-own 1\.0 begins from 'deep', but the domain 'toy' itself has only paper"),
        ({"base": "own"}, "begins from 'own'"),
    ],
)
def test_a_recipe_that_cannot_be_read_is_one_sentence_of_its_package(install, options, said):
    install.toy()
    install_files(install, **options)
    toy = Registry.load("toy")
    pretrain_settings(toy, Request("tiny"))
    with pytest.raises(PluginError, match=said) as raised:
        pretrain_settings(toy, Request("own"))
    assert "\n" not in str(raised.value)


def test_a_setting_that_does_not_exist_names_the_recipe(install):
    install.toy()
    install_files(install, recipe="[masking]\nstrateg = 'random'\n")
    with pytest.raises(ConfigError, match=r"no setting 'masking\.strateg' \(from recipe own\)"):
        pretrain_settings(Registry.load("toy"), Request("own"))


def test_a_run_made_with_a_missing_recipe_says_which_package_to_install(install, tmp_path):
    install.toy()
    place = install_files(install, recipe="[training]\nbatch_size = 8\n")
    few = {"training.steps": 2, "data.held_out": 0.2}
    run = sma_core.train("toy", recipe="own", settings=few, out=tmp_path / "run").run
    install.remove(place)
    with pytest.raises(
        MissingPartError, match=r"no recipe 'own': .*; .*run was made with sma-toy-own 1\.0, which"
    ):
        sma_core.finetune(model=run, out=tmp_path / "tuned")
    chosen = sma_core.finetune(model=run, recipe="tiny", settings={"training.epochs": 1}, out=tmp_path / "tuned")
    assert chosen.run == tmp_path / "tuned"
    assert sma_core.train(resume=run, settings={"training.steps": 3}).step == 3  # by the settings in its folder


def test_suites_are_found_beside_those_of_the_domain(install, toy):
    install.keep("toy-domain")
    install_files(install)
    files = ShippedFiles.of(Registry.load(toy), ShippedSuite)
    assert files.names == ["own", "words"]
    assert files.origin("words") == "words.toml in toy_domain.suites"
    assert files.origin("own") == "'own' of sma-toy-own 1.0"
    install_files(install, "toy.more", name="words")
    both = r"suite 'words' is provided by both toy-domain 1\.0 and sma-toy-more 1\.0"
    with pytest.raises(PluginError, match=both):
        ShippedFiles.of(Registry.load(toy), ShippedSuite)
