"""The checks that only the contract of extensions has: recipes and suites that they add."""

from __future__ import annotations

import pytest

from sma_kit import ExtensionContract
from tests.support.wrong_plugins import failure

HOOKS = """
from pathlib import Path
from sma_core.plugins import *

@hookimpl
def sma_recipes():
    return [ShippedRecipe(name="own", summary="Own settings", base="tiny", locate="other_files:recipe")]

@hookimpl
def sma_suites():
    return [ShippedSuite(name="own", summary="Own comparison", locate="other_files:suite")]

def recipe():
    return Path(__file__).with_name("other_files.toml")

def suite():
    return Path(__file__).with_name("other_suite.toml")
"""
RECIPE = "[masking]\nstrategy = 'random'\n"
SUITE = "summary = 'x'\nrecipe = 'own'\narms = ['random', 'none']\n"
RECIPES, SUITES = "test_recipes_are_complete_settings", "test_suites_name_what_exists"


class OfToy(ExtensionContract):
    plugin = "toy.files"


class OfEvery(ExtensionContract):
    plugin = "any.files"


def install_files(install, contract, recipe=RECIPE, suite=SUITE):
    files = {"other_files.py": HOOKS, "other_files.toml": recipe, "other_suite.toml": suite}
    return install("sma-files", {contract.plugin: "other_files"}, files)


@pytest.mark.parametrize("contract", [OfToy, OfEvery])
def test_good_files_pass_and_those_that_are_not_there_fail(install, contract):
    pytest.importorskip("sma_bench")
    install.toy()
    place = install_files(install, contract)
    assert (failure(RECIPES, contract), failure(SUITES, contract)) == ("", "")
    (place / "other_files.toml").unlink()
    assert "fix the recipe 'own': the recipe 'own' of sma-files 1.0 cannot be found" in failure(RECIPES, contract)
    (place / "other_suite.toml").unlink()
    assert "fix the suite 'own': the suite 'own' of sma-files 1.0 cannot be found" in failure(SUITES, contract)


@pytest.mark.parametrize("contract", [OfToy, OfEvery])
@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("[masking]\nstrateg = 'random'\n", "no setting 'masking.strateg' (from recipe own)"),
        ("[masking]\nstrategy = 'rndom'\n", "masking.strategy cannot be 'rndom'"),
        ("[data]\nsource = 'nothing'\n", "has no data set 'nothing'"),
        ("[finetune.tasks.none]\nhead = 'mean'\n", "has no task 'none'"),
        ("[finetune.split]\nname = 'half'\n", "has no splitter 'half'"),
    ],
)
def test_a_recipe_that_is_not_complete_fails(install, contract, recipe, said):
    install.toy()
    install_files(install, contract, recipe)
    assert said in failure(RECIPES, contract)


@pytest.mark.parametrize("contract", [OfToy, OfEvery])
@pytest.mark.parametrize(
    ("suite", "said"),
    [
        (f"{SUITE}[tasks.lenght]\n", "has no task 'lenght'"),
        (f"domain = 'physics'\n{SUITE}", "its domain is 'physics'"),
        (SUITE.replace("own", "huge"), "has no recipe 'huge'"),
        (f"{SUITE}[finetuning.settings]\ntraining.epochs = 'many'\n", "training.epochs"),
    ],
)
def test_a_suite_that_names_what_is_not_there_fails(install, contract, suite, said):
    pytest.importorskip("sma_bench")
    install.toy()
    install_files(install, contract, suite=suite)
    assert said in failure(SUITES, contract)


def test_a_recipe_of_every_domain_may_be_for_rows_of_numbers_alone(install):
    install_files(install, OfEvery, "[model.decoder]\nloss = 'mean-squared-error'\n")
    assert failure(RECIPES, OfEvery) == ""


def test_without_the_domain_there_is_nothing_to_check(install):
    install_files(install, OfToy)
    with pytest.raises(pytest.skip.Exception, match="no plugin provides the domain 'toy'"):
        getattr(OfToy(), RECIPES)()
