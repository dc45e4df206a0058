"""A plugin for rows of numbers with one thing wrong fails the check for that thing, and no other."""

import pytest

from tests.support.wrong_plugins import CHECKS, ToyNumbers, breaks, failure, failures, only_failure

CHANGES = (
    ('tokenizer="bytes", reader="lines"', 'input_kind="continuous", reader="own"'),
    (', check="toy_plugin.parts:check"', ""),
    ('locate="toy_plugin.parts:words"', 'locate="toy_plugin.parts:words", columns=("a", "b")'),
    ('"words.txt"', '"boxes.csv"'),
    ('"counts.csv"', '"boxes.csv"'),
    ('reader="csv", column="word"', 'columns=("a", "b")'),
    (
        "@hookimpl\ndef sma_datasets",
        "@hookimpl\ndef sma_readers():\n"
        '    return [Reader(name="own", summary="Boxes", factory="toy_plugin.own:read", suffixes=(".box",), '
        'reads="blocks")]\n\n'
        "@hookimpl\ndef sma_datasets",
    ),
    ('licence="CC0",', 'licence="CC0", reader="own",'),
)
READER = """
from dataclasses import replace
import numpy as np
from sma_core.data.readers.table import read_table
from sma_core.data.records import RejectedRow

calls = []

def read(path, columns, fields, *, names=()):
    "Stream the boxes."
    calls.append(path)
    for block in read_table(path, columns, fields, names=names):
        if isinstance(block, RejectedRow):
            yield block
            continue
        {body}
"""
GOOD = "yield block"


@pytest.fixture
def boxes(install):
    """Install a domain of numbers whose reader does ``body`` with each block."""

    def make(body=GOOD, *changes):
        place = install.toy(*CHANGES, *changes, own=READER.format(body=body))
        rows = "".join(f"{n},{n * 3 % 7},{n % 5}\n" for n in range(40))  # letters is a number of them
        (place / "toy_plugin/boxes.csv").write_text("letters,a,b\n" + rows)

    return make


def test_a_good_plugin_of_numbers_holds_the_contract(boxes):
    boxes()
    assert failures(*CHECKS, contract=ToyNumbers) == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("yield replace(block, values=block.values.astype(np.float64))", "must yield float32 values"),
        ("yield replace(block, values=np.where(block.values > 5, np.float32(np.inf), block.values))", "infinite"),
        ("yield replace(block, columns=block.columns[::-1])", "the columns a, b in this order"),
        ("yield replace(block, numbers=block.numbers - 1)", "in increasing order"),
        ("yield replace(block, numbers=block.numbers * 0 + 1)", "without duplicates"),
    ],
)
@breaks("test_reader_gives_blocks_of_numbers")
def test_a_reader_that_gives_no_proper_blocks(boxes, body, said):
    boxes(body)
    assert said in failures(contract=ToyNumbers)["test_reader_gives_blocks_of_numbers"]


UNNAMED = ('words", columns=("a", "b")', 'words"')
TWICE = "yield replace(block.take(np.arange(20)), {first}); yield replace(block.take(np.arange(20, 40)), {then})"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("yield replace(block, columns=('a', 'a', 'b'))", "each column a name of its own"),
        ("yield replace(block, columns=(0, 1, 2))", "each column a name of its own"),
        (
            TWICE.format(first="columns=('a', 'b', 'c')", then="columns=('b', 'a', 'c')"),
            "same columns in all blocks",
        ),
        (
            TWICE.format(first="offsets=np.arange(21)", then="offsets=None"),
            "same columns in all blocks of a file, all tables or all sequences",
        ),
    ],
)
@breaks("test_reader_gives_blocks_of_numbers")
def test_a_reader_whose_blocks_differ(boxes, body, said):
    boxes(body, UNNAMED)
    assert said in failures(contract=ToyNumbers)["test_reader_gives_blocks_of_numbers"]


@breaks("test_reader_finds_the_columns_that_its_blocks_name")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "yield replace(block, values=block.values[:, ::-1] if columns else block.values)",
            "give the same values",
        ),
        ("yield replace(block, columns=('x', 'y', 'z'))", "must read the columns x, y, z, which its blocks name"),
    ],
)
def test_a_reader_that_does_not_know_its_own_columns(boxes, body, said):
    boxes(body, UNNAMED)
    assert said in failures(contract=ToyNumbers)["test_reader_finds_the_columns_that_its_blocks_name"]


def test_a_sample_without_named_columns_holds_the_contract(boxes):
    boxes(GOOD, UNNAMED)
    assert "test_reader_finds_the_columns_that_its_blocks_name" not in failures(contract=ToyNumbers)


def test_a_reader_without_usable_rows(boxes):
    boxes("pass\n    yield from ()")
    assert "blocks of usable rows" in failures(contract=ToyNumbers)["test_reader_gives_blocks_of_numbers"]


@breaks("test_statistics_come_from_training_rows_only", "test_reader_gives_the_same_rows_each_time")
def test_a_reader_whose_rows_change(boxes):
    boxes("yield replace(block, values=block.values + np.float32(len(calls)))")
    found = failures(contract=ToyNumbers)
    assert found.keys() == {
        "test_statistics_come_from_training_rows_only",
        "test_reader_gives_the_same_rows_each_time",
    }
    assert "the same values each time" in found["test_statistics_come_from_training_rows_only"]
    assert "the same rows in the same order" in found["test_reader_gives_the_same_rows_each_time"]


PAIRS = (
    "second = {second}\n        yield replace(block, offsets=np.arange(len(block) + 1) * 2, "
    "values=np.stack([block.values, second.astype(np.float32)], axis=1).reshape(-1, 2))"
)


@breaks("test_reader_gives_the_same_rows_each_time")
def test_a_reader_of_sequences_whose_lengths_change(boxes):
    offsets = "np.append(np.arange(40) * 2 + (np.arange(40) == len(calls) % 7 + 1), 80)"
    boxes(PAIRS.format(second="block.values").replace("np.arange(len(block) + 1) * 2", offsets))
    found = failures(contract=ToyNumbers)
    assert "the same rows in the same order" in found["test_reader_gives_the_same_rows_each_time"]


@breaks("test_padding_changes_nothing")
def test_a_reader_of_sequences_that_pads_its_rows(boxes):
    boxes(PAIRS.format(second="np.where(block.numbers[:, None] % 4, np.nan, block.values)"))
    sentence = failures(contract=ToyNumbers)["test_padding_changes_nothing"]
    assert "30 of 40 end with positions without a value: the reader must give each row its own" in sentence


@pytest.mark.parametrize(
    "second", ["block.values", "np.where(block.numbers[:, None] % 4, block.values, np.nan)"], ids=["all", "most"]
)
def test_sequences_whose_last_values_are_known_are_not_padded(boxes, second):
    boxes(PAIRS.format(second=second))
    found = failures(contract=ToyNumbers)
    assert not {"test_reader_gives_the_same_rows_each_time", "test_padding_changes_nothing"} & found.keys()


def test_rows_of_a_table_are_not_padded(boxes):
    boxes()
    with pytest.raises(pytest.skip.Exception, match="the rows of a table have one length"):
        ToyNumbers().test_padding_changes_nothing()


@breaks("test_one_training_step_on_numbers_is_finite")
def test_a_recipe_too_short_for_the_rows(boxes):
    boxes(GOOD, ("max_length = 64", "max_length = 1"))
    sentence = only_failure("test_one_training_step_on_numbers_is_finite", ToyNumbers)
    assert "model.max_length of the recipe tiny is 1, but the sample's rows have 2 numbers" in sentence


@breaks("test_one_training_step_on_numbers_is_finite")
def test_numbers_that_overflow(boxes):
    boxes("yield replace(block, values=np.where(block.numbers[:, None] == 1, np.float32(np.inf), block.values))")
    found = failures(contract=ToyNumbers)
    assert "non-finite loss" in found["test_one_training_step_on_numbers_is_finite"]


def test_a_reader_of_text_for_a_domain_of_numbers(boxes):
    boxes(GOOD, ('input_kind="continuous", reader="own"', 'input_kind="continuous", reader="lines"'))
    assert "gives rows of text" in failure("test_domain_names_parts_that_exist", ToyNumbers)


def test_a_domain_of_text_without_a_tokenizer(install):
    install.toy(('tokenizer="bytes", ', ""))
    assert "has discrete inputs: name its tokenizer" in failure("test_domain_names_parts_that_exist")


@breaks("test_masks_hide_a_part_of_every_row")
def test_rows_of_one_feature(boxes):
    boxes(GOOD, ('columns=("a", "b")', 'columns=("a",)'))
    assert "give rows more features" in only_failure("test_masks_hide_a_part_of_every_row", ToyNumbers)


@breaks("test_training_lowers_the_loss_of_one_batch")
def test_a_learning_rate_that_makes_it_worse(boxes):
    boxes(GOOD, ("steps = 10", "steps = 10\nlearning_rate = 100.0"))
    assert "not down" in only_failure("test_training_lowers_the_loss_of_one_batch", ToyNumbers)


@breaks("test_readers_read_or_refuse_hostile_files")
def test_a_reader_of_numbers_that_cannot_cope_with_a_file(boxes):
    boxes("yield block\n    path.read_text(encoding='utf-8')")
    assert "UnicodeDecodeError" in only_failure("test_readers_read_or_refuse_hostile_files", ToyNumbers)


@breaks("test_readers_work_in_another_process")
def test_a_reader_of_numbers_that_knows_only_its_own_process(boxes):
    here = "__import__('multiprocessing').parent_process() is None"
    boxes(f"yield block if {here} else replace(block, values=block.values + np.float32(1))")
    assert "must read the same rows" in only_failure("test_readers_work_in_another_process", ToyNumbers)


@breaks("test_tasks_find_their_labels")
def test_labels_of_numbers_that_are_not_there(boxes):
    boxes(GOOD, ('kind="regression", metric="rmse"', 'kind="binary", metric="roc_auc"'))
    assert "they are not all 0 and 1" in only_failure("test_tasks_find_their_labels", ToyNumbers)
