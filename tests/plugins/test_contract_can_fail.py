"""A plugin with one thing wrong fails the check for that thing, and no other."""

import pytest

from sma_core.plugins import Splitter
from sma_core.testing import DomainContract

NUMBERED = """
from sma_core.data.tokenizers import ByteTokenizer

class Wrong(ByteTokenizer):
    {body}
"""
WITH_TOKENIZER = (
    (
        "@hookimpl\ndef sma_datasets",
        "@hookimpl\ndef sma_tokenizers():\n"
        '    return [Tokenizer(name="own", summary="Wrong", factory="toy_plugin.own:Wrong")]\n\n'
        "@hookimpl\ndef sma_datasets",
    ),
    ('tokenizer="bytes"', 'tokenizer="own"'),
)
WITH_SPLITTER = (
    "@hookimpl\ndef sma_datasets",
    "@hookimpl\ndef sma_splitters():\n"
    '    return [Splitter(name="own", summary="Wrong", factory="toy_plugin.own:split")]\n\n'
    "@hookimpl\ndef sma_datasets",
)
WITH_HEAD = (
    "@hookimpl\ndef sma_datasets",
    "@hookimpl\ndef sma_heads():\n"
    '    return [Head(name="own", summary="Wrong", factory="toy_plugin.own:Wrong")]\n\n'
    "@hookimpl\ndef sma_datasets",
)


class Toy(DomainContract):
    domain = "toy"
    good_rows = ("apple", "pear tree", "Ä")
    bad_rows = ("b4d",)


def failures(contract=Toy, skipping=()):
    """Name -> sentence of every check that fails; an error of another kind goes through."""
    found = {}
    for name in sorted(dir(DomainContract)):
        if name.startswith("test_") and name not in skipping:
            try:
                getattr(contract(), name)()
            except pytest.fail.Exception as failure:
                found[name] = str(failure)
            except pytest.skip.Exception:
                pass
    return found


PROCESSES = ("test_check_works_in_another_process", "test_entry_module_imports_nothing_heavy")


def only_failure(name, contract=Toy):
    found = failures(contract, skipping=set(PROCESSES) - {name})  # these two take a second each
    assert list(found) == [name], found
    assert "\n" not in found[name]
    return found[name]


def test_a_good_plugin_holds_the_contract(install):
    install.toy()
    assert failures() == {}


def test_a_plugin_under_another_name(install):
    install("sma-toy", {"toys": "toy_plugin.entry"}, {"toy_plugin/entry.py": ""})
    with pytest.raises(pytest.fail.Exception, match=r"entry point 'toy'.*pyproject\.toml"):
        Toy().test_entry_point_is_installed_under_the_domains_name()


def test_an_entry_module_that_imports_numpy(install):
    install.toy(("from sma_core.plugins import *", "import numpy\nfrom sma_core.plugins import *"))
    assert "imports numpy" in only_failure("test_entry_module_imports_nothing_heavy")


def test_a_hook_that_imports_numpy_when_called(install):
    install.toy(("def sma_tasks():", "def sma_tasks():\n    import numpy"))
    assert "imports numpy" in only_failure("test_entry_module_imports_nothing_heavy")


def test_an_import_can_be_allowed(install):
    class Allowing(Toy):
        allowed_imports = ("numpy",)

    install.toy(("from sma_core.plugins import *", "import numpy\nfrom sma_core.plugins import *"))
    assert "imports numpy" in only_failure("test_entry_module_imports_nothing_heavy")
    Allowing().test_entry_module_imports_nothing_heavy()  # raises when numpy is not allowed after all


def test_a_reference_to_nothing(install):
    install.toy(*WITH_TOKENIZER[:1])
    assert "toy_plugin.own" in only_failure("test_every_reference_resolves")


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
        ('dataset="words", targets', 'dataset="worte", targets', "no data set 'worte'"),
        ('targets=("letters",)', "targets=()", "one or more different target columns"),
        (
            'targets=("letters",),\n                 kind="regression", metric="rmse"',
            'targets=("letters", "words"), kind="multiclass", metric="accuracy"',
            "multiclass takes one target column, not 2",
        ),
    ],
)
def test_a_task_that_does_not_fit(install, old, new, said):
    install.toy((old, new))
    assert said in only_failure("test_tasks_name_parts_that_exist")


def test_a_summary_that_says_nothing(install):
    install.toy(('summary="Thirty words"', 'summary="words"'))
    assert "the summary of the DataSet 'words'" in only_failure("test_summaries_tell_something")


@pytest.mark.parametrize(("old", "new"), [('"CC0"', '" "'), ('"made here"', '""')])
def test_a_set_of_unknown_origin(install, old, new):
    install.toy((old, new))
    assert "its source and its licence" in only_failure("test_data_sets_state_where_they_come_from")


def test_an_ending_that_no_file_has(install):
    reader = 'Reader(name="own", summary="Words", factory="toy_plugin.parts:check", suffixes=("words",))'
    install.toy(
        (
            "@hookimpl\ndef sma_tasks",
            f"@hookimpl\ndef sma_readers():\n    return [{reader}]\n\n@hookimpl\ndef sma_tasks",
        )
    )
    assert "the ending 'words'" in only_failure("test_readers_serve_endings")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps = 10", "stpes = 10", "no setting 'training.stpes'"),
        ("steps = 10", "steps = ", "is not valid TOML"),
        ("tasks.length", "tasks.lenght", "did you mean 'length'"),
        ("epochs = 2.0", "epochs = -2.0", "training.epochs"),
    ],
)
def test_a_recipe_that_is_no_settings(install, old, new, said):
    install.toy((old, new))
    found = failures(skipping=PROCESSES)
    assert said in found["test_recipes_are_complete_settings"]
    assert set(found) <= {"test_recipes_are_complete_settings", "test_one_training_step_is_finite"}


def test_a_missing_recipe(install):
    place = install.toy()
    (place / "toy_plugin/recipes/paper.toml").unlink()
    assert "add the recipe paper.toml" in only_failure("test_recipes_are_complete_settings")


@pytest.mark.parametrize(
    ("body", "check", "said"),
    [
        (
            "def decode(self, ids): return super().decode(ids).lower()",
            "test_tokenizer_gives_the_text_back",
            "'Ä' became 'ä'",
        ),
        (
            "def encode(self, texts): return super().encode(texts or [''])",
            "test_tokenizer_takes_an_empty_list",
            "no values",
        ),
        (
            "separator_id = 2",
            "test_tokenizer_gives_ids_in_range_that_end_with_the_separator",
            "end every row with separator_id",
        ),
        (
            "def encode(self, texts): return super().encode([t + '!' * (len(texts) > 1) for t in texts])\n"
            "    def decode(self, ids): return super().decode(ids).rstrip('!')",
            "test_tokenizer_is_deterministic",
            "same ids each time",
        ),
    ],
)
def test_a_tokenizer_that_is_wrong(install, body, check, said):
    install.toy(*WITH_TOKENIZER, own=NUMBERED.format(body=body))
    assert said in only_failure(check)


def test_ids_out_of_range(install):
    install.toy(*WITH_TOKENIZER, own=NUMBERED.format(body="vocabulary_size = 100"))
    found = failures(skipping=PROCESSES)
    assert "below vocabulary_size" in found["test_tokenizer_gives_ids_in_range_that_end_with_the_separator"]
    assert set(found) == {
        "test_tokenizer_gives_ids_in_range_that_end_with_the_separator",
        "test_one_training_step_is_finite",
    }


def test_a_check_that_refuses_good_rows(install):
    class Strict(Toy):
        good_rows = ("apple", "p3ar")

    install.toy()
    assert "the good row 'p3ar'" in only_failure("test_check_accepts_good_rows", Strict)


def test_a_check_that_takes_bad_rows(install):
    install.toy(('"a digit" if', '"" if'))
    assert "the bad row 'b4d'" in only_failure("test_check_rejects_bad_rows_with_a_reason")


def test_a_check_that_leaves_rows_out(install):
    install.toy(("for text in texts]", "for text in texts[1:]]"))
    assert "as many answers" in failures(skipping=PROCESSES)["test_check_accepts_good_rows"]


def test_a_check_that_knows_only_its_own_process(install):
    install.toy(
        (
            "def check(texts):",
            "import multiprocessing\n\ndef check(texts):\n"
            "    if multiprocessing.parent_process(): raise RuntimeError('not here')",
        )
    )
    assert "spawned process" in only_failure("test_check_works_in_another_process")


def test_a_set_that_is_mostly_unusable(install):
    place = install.toy()
    (place / "toy_plugin/words.txt").write_text("apple\nb4d\nw0rse\n")
    assert "only 1 of the first 3 rows of words" in only_failure("test_sample_is_read_and_passes_the_check")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("np.arange(2), np.arange(2, 4), np.arange(4, len(texts) + 1)", "only rows there are"),
        ("np.arange(len(texts)), np.arange(2), np.arange(2, 4)", "no row into two parts"),
        ("np.arange(2), np.arange(2, 4), np.arange(0)", "none of them empty"),
        ("np.arange(2.0), np.arange(2, 4), np.arange(4, len(texts))", "int64"),
        ("*np.array_split(np.random.permutation(len(texts)), 3),", "same seed"),
    ],
)
def test_a_splitter_that_gives_wrong_rows_or_loses_its_seed(install, rows, said):
    install.toy(
        WITH_SPLITTER, own=f"import numpy as np\n\ndef split(texts, valid, test, seed):\n    return {rows}\n"
    )
    assert said in only_failure("test_splitters_divide_the_rows")


LABELLED_SPLIT = (
    "import numpy as np\n\n"
    "def split(texts, valid, test, seed, *, labels):\n"
    "    assert labels.shape == (len(texts), 1)\n"
    "    return np.arange(2), np.arange(2, 4), np.arange(4, len(texts))\n"
)


def test_a_splitter_that_does_not_say_what_it_needs(install):
    install.toy(WITH_SPLITTER, own=LABELLED_SPLIT)
    assert "'labels'" in only_failure("test_splitters_divide_the_rows")


def test_a_splitter_gets_what_it_says_it_needs(install):
    needs = (':split")]', ':split", needs=("labels",))]')
    install.toy(WITH_SPLITTER, needs, own=LABELLED_SPLIT)
    assert failures(skipping=PROCESSES) == {}


def test_a_splitter_that_needs_what_there_is_not():
    with pytest.raises(ValueError, match="needs 'weights', but there are only labels, kind, folds, fold"):
        Splitter(name="own", summary="Wrong", factory="toy_plugin.own:split", needs=("weights",))


def test_a_head_of_the_wrong_shape(install):
    head = (
        "from sma_core.nn.heads import MeanHead\n\n"
        "class Wrong(MeanHead):\n    def forward(self, latents): return super().forward(latents)[0]\n"
    )
    install.toy(WITH_HEAD, own=head)
    assert "(2, 3), it gave (3,)" in only_failure("test_heads_give_outputs_of_the_right_shape")


SUITE = "summary = 'One'\ndomain = 'toy'\n[tasks.length]\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tasks.length", "tasks.lenght", "did you mean 'length'"),
        ("[tasks", "seed = [1]\n[tasks", "no setting 'seed'"),
        ("'toy'", "'other'", "of the domain 'other'"),
        ("[tasks", "[baselines]\nown = 'toy_plugin.parts:nothing'\n[tasks", "which does not exist"),
        ("[tasks", "[finetuning.settings]\ntraining.epochs = 'many'\n[tasks", "training.epochs"),
    ],
)
def test_a_suite_that_names_what_is_not_there(install, old, new, said):
    place = install.toy(
        ('recipes="toy_plugin.recipes"', 'recipes="toy_plugin.recipes", suites="toy_plugin.suites"')
    )
    folder = place / "toy_plugin" / "suites"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "one.toml").write_text(SUITE)
    assert not failures(skipping=PROCESSES)
    (folder / "one.toml").write_text(SUITE.replace(old, new))
    assert said in only_failure("test_suites_name_what_exists")
