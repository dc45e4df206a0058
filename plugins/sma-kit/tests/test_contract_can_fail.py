"""A plugin with one thing wrong in its specs, sets, recipes or suites fails the check for that thing."""

import pytest

from tests.support.wrong_plugins import (
    CHECKS,
    WITH_TOKENIZER,
    Toy,
    breaks,
    failure,
    failures,
    only_failure,
)


def test_a_good_plugin_holds_the_contract(install):
    install.toy()
    assert failures(*CHECKS) == {}


@breaks("test_entry_point_is_installed_under_the_domains_name")
def test_a_plugin_under_another_name(install):
    install("sma-toy", {"toys": "toy_plugin.entry"}, {"toy_plugin/entry.py": ""})
    said = failure("test_entry_point_is_installed_under_the_domains_name")
    assert "entry point 'toy'" in said
    assert "pyproject.toml" in said


@breaks("test_entry_module_imports_nothing_heavy")
def test_an_entry_module_that_imports_numpy(install):
    install.toy(("from sma_core.plugins import *", "import numpy\nfrom sma_core.plugins import *"))
    assert "imports numpy" in only_failure("test_entry_module_imports_nothing_heavy")


@breaks("test_entry_module_imports_nothing_heavy")
def test_a_hook_that_imports_numpy_when_called(install):
    install.toy(("def sma_tasks():", "def sma_tasks():\n    import numpy"))
    assert "imports numpy" in only_failure("test_entry_module_imports_nothing_heavy")


def test_an_import_can_be_allowed(install):
    class Allowing(Toy):
        allowed_imports = ("numpy",)

    install.toy(("from sma_core.plugins import *", "import numpy\nfrom sma_core.plugins import *"))
    assert failure("test_entry_module_imports_nothing_heavy")
    assert not failure("test_entry_module_imports_nothing_heavy", Allowing)


@breaks("test_every_reference_resolves")
def test_a_reference_to_nothing(install):
    install.toy(*WITH_TOKENIZER[:1])
    assert "toy_plugin.own" in failures()["test_every_reference_resolves"]


@breaks("test_every_reference_has_a_docstring")
def test_a_function_without_a_docstring(install):
    install.toy(("    'Digits are no words.'\n", ""))
    assert "toy_plugin.parts:check, the check of" in only_failure("test_every_reference_has_a_docstring")


@breaks("test_domain_names_parts_that_exist")
def test_a_default_that_does_not_exist(install):
    install.toy(('task="length", check', 'task="lenght", check'), ("tasks.length", "tasks.length"))
    sentence = failures()["test_domain_names_parts_that_exist"]
    assert "task='lenght'" in sentence
    assert "did you mean 'length'" in sentence


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('metric="rmse"', 'metric="roc_auc"', "no metric 'roc_auc'"),
        ('metric="rmse"', 'metric="rmse", splitter="scaffolds"', "no splitter 'scaffolds'"),
        ('dataset="counts", targets', 'dataset="worte", targets', "no data set 'worte'"),
        ('targets=("letters",)', "targets=()", "one or more different target columns"),
        (
            'targets=("letters",),\n                 kind="regression", metric="rmse"',
            'targets=("letters", "words"), kind="multiclass", metric="accuracy"',
            "multiclass takes one target column, not 2",
        ),
    ],
)
@breaks("test_tasks_name_parts_that_exist")
def test_a_task_that_does_not_fit(install, old, new, said):
    install.toy((old, new))
    assert said in failures()["test_tasks_name_parts_that_exist"]


@breaks("test_summaries_tell_something")
def test_a_summary_that_says_nothing(install):
    install.toy(('summary="Thirty words"', 'summary="words"'))
    assert "the summary of the DataSet 'words'" in only_failure("test_summaries_tell_something")


@pytest.mark.parametrize(("old", "new"), [('"CC0"', '" "'), ('"made here"', '""')])
@breaks("test_data_sets_state_where_they_come_from")
def test_a_set_of_unknown_origin(install, old, new):
    install.toy((old, new))
    assert "its source and its licence" in failures()["test_data_sets_state_where_they_come_from"]


@breaks("test_sets_that_ship_state_a_licence")
def test_a_set_that_is_given_away_without_a_licence(install):
    install.toy(('"CC0"', '"TODO"'))
    assert "such as 'CC0 1.0'; 'TODO' is not a licence" in only_failure("test_sets_that_ship_state_a_licence")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("__file__", "must return the Path of a file, not '"),
        ("Path(__file__).parent", "add the file to the package"),
        (
            "(lambda made: made.write_text('one\\n') and made)(Path(__file__).parent / f'{next(drawn)}.txt')",
            "same",
        ),
    ],
)
@breaks("test_sets_that_ship_are_found_in_one_place")
def test_a_set_that_is_not_where_it_should_be(install, place, said):
    install.toy(
        ("from pathlib import Path", "from itertools import count\nfrom pathlib import Path\ndrawn = count()"),
        ('Path(__file__).parent / "words.txt"', place),
    )
    assert said in failures()["test_sets_that_ship_are_found_in_one_place"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind="regression", metric="rmse"', 'kind="binary", metric="roc_auc"', "they are not all 0 and 1"),
        ("word,letters", "word,length", "no column 'letters'"),
        ("word,letters\n", "word,letters\n" + 31 * "words,many\n", "letters is 'many'"),
    ],
)
@breaks("test_tasks_find_their_labels")
def test_a_task_whose_labels_are_not_there(install, old, new, said):
    install.toy((old, new))
    assert said in only_failure("test_tasks_find_their_labels")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps = 10", "stpes = 10", "no setting 'training.stpes'"),
        ("steps = 10", "steps = ", "is not valid TOML"),
        ("tasks.length", "tasks.lenght", "did you mean 'length'"),
        ("epochs = 2.0", "epochs = -2.0", "training.epochs"),
    ],
)
@breaks("test_recipes_are_complete_settings")
def test_a_recipe_that_is_no_settings(install, old, new, said):
    install.toy((old, new))
    assert said in failures()["test_recipes_are_complete_settings"]


def test_a_missing_recipe(install):
    place = install.toy()
    (place / "toy_plugin/recipes/paper.toml").unlink()
    assert "add the recipe paper.toml" in only_failure("test_recipes_are_complete_settings")


SUITE = "summary = 'One'\ndomain = 'toy'\n[tasks.length]\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tasks.length", "tasks.lenght", "did you mean 'length'"),
        ("[tasks", "seed = [1]\n[tasks", "no setting 'seed'"),
        ("'toy'", "'other'", "its domain is 'other'"),
        ("[tasks", "[baselines]\nown = 'toy_plugin.parts:nothing'\n[tasks", "which does not exist"),
        ("[tasks", "[finetuning.settings]\ntraining.epochs = 'many'\n[tasks", "training.epochs"),
    ],
)
@breaks("test_suites_name_what_exists")
def test_a_suite_that_names_what_is_not_there(install, old, new, said):
    pytest.importorskip("sma_bench")
    place = install.toy(
        ('recipes="toy_plugin.recipes"', 'recipes="toy_plugin.recipes", suites="toy_plugin.suites"')
    )
    folder = place / "toy_plugin" / "suites"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "one.toml").write_text(SUITE)
    assert not failure("test_suites_name_what_exists")
    (folder / "one.toml").write_text(SUITE.replace(old, new))
    assert said in only_failure("test_suites_name_what_exists")
