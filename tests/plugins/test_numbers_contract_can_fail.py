"""A plugin for rows of numbers with one thing wrong fails the check for that thing, and no other."""

import pytest

from sma_core.testing import DomainContract

CHANGES = (
    ('tokenizer="bytes", reader="lines"', 'input_kind="continuous", reader="own"'),
    (', check="toy_plugin.parts:check"', ""),
    ('locate="toy_plugin.parts:words"', 'locate="toy_plugin.parts:words", columns=("a", "b")'),
    ('"words.txt"', '"boxes.csv"'),
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

calls = []

def read(path, columns, fields, *, names=()):
    calls.append(path)
    for block in read_table(path, columns, fields, names=names):
        {body}
"""
GOOD = "yield block"


PROCESSES = ("test_check_works_in_another_process", "test_entry_module_imports_nothing_heavy")


class Toy(DomainContract):
    domain = "toy"


def failures(contract, skipping=()):
    """Name -> sentence of every check that fails."""
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


@pytest.fixture
def boxes(install):
    """Install a domain of numbers whose reader does ``body`` with each block."""

    def make(body=GOOD, *changes):
        place = install.toy(*CHANGES, *changes, own=READER.format(body=body))
        rows = "".join(f"{n},{n * 3 % 7},{n % 5}\n" for n in range(40))
        (place / "toy_plugin/boxes.csv").write_text("letters,a,b\n" + rows)

    return make


def only_failure(name):
    found = failures(Toy, skipping=PROCESSES)
    assert list(found) == [name], found
    assert "\n" not in found[name]
    return found[name]


def test_a_good_plugin_of_numbers_holds_the_contract(boxes):
    boxes()
    assert failures(Toy) == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("yield replace(block, values=block.values.astype(np.float64))", "values of float32"),
        ("yield replace(block, values=np.where(block.values > 5, np.float32(np.inf), block.values))", "infinite"),
        ("yield replace(block, columns=block.columns[::-1])", "the columns a, b in this order"),
        ("yield replace(block, numbers=block.numbers - 1)", "upwards from 1"),
        ("yield replace(block, numbers=block.numbers * 0 + 1)", "use no number twice"),
    ],
)
def test_a_reader_that_gives_no_proper_blocks(boxes, body, said):
    boxes(body)
    assert said in failures(Toy, skipping=PROCESSES)["test_reader_gives_blocks_of_numbers"]


def test_a_reader_without_usable_rows(boxes):
    boxes("pass\n    yield from ()")
    assert "blocks of usable rows" in failures(Toy, skipping=PROCESSES)["test_reader_gives_blocks_of_numbers"]


def test_a_reader_whose_rows_change(boxes):
    boxes("yield replace(block, values=block.values + np.float32(len(calls)))")
    assert "the same values each time" in only_failure("test_statistics_come_from_training_rows_only")


def test_a_recipe_too_short_for_the_rows(boxes):
    boxes(GOOD, ("steps = 10", "steps = 10\n[model]\nmax_length = 1"))
    sentence = only_failure("test_one_training_step_on_numbers_is_finite")
    assert "model.max_length of the recipe tiny is 1, but the sample's rows have 2 numbers" in sentence


def test_numbers_that_overflow(boxes):
    boxes("yield replace(block, values=np.where(block.numbers[:, None] == 1, np.float32(np.inf), block.values))")
    found = failures(Toy, skipping=PROCESSES)
    assert "no finite loss" in found["test_one_training_step_on_numbers_is_finite"]


def test_a_reader_of_text_for_a_domain_of_numbers(boxes):
    boxes(GOOD, ('input_kind="continuous", reader="own"', 'input_kind="continuous", reader="lines"'))
    assert "gives rows of text" in only_failure("test_domain_names_parts_that_exist")


def test_a_domain_of_text_without_a_tokenizer(install):
    install.toy(('tokenizer="bytes", ', ""))
    with pytest.raises(pytest.fail.Exception, match="has discrete inputs: name its tokenizer"):
        Toy().test_domain_names_parts_that_exist()
