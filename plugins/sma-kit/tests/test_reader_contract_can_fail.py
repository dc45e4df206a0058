"""A plugin whose reader, check or splitter has one thing wrong fails the check for that thing."""

import pytest

from sma_core.plugins import Splitter
from tests.support.wrong_plugins import (
    WITH_READER,
    WITH_SPLITTER,
    Toy,
    breaks,
    failure,
    failures,
    only_failure,
)

READER = """
'''A reader of lines.'''
import multiprocessing
from itertools import count
from sma_core.data.readers.lines import read_text
from sma_core.data.records import RejectedRow, Row, row_or_rejected

calls = count()

def read(path, column, fields, *, usual=()):
    '''Stream the lines of a file.'''
    {body}
"""
GOOD = "yield from read_text(path, column, fields, usual=usual)"


@breaks("test_readers_serve_endings")
def test_an_ending_that_no_file_has(install):
    install.toy(*WITH_READER, ('(".words",)', '("words",)'), own=READER.format(body=GOOD))
    assert "the suffix 'words'" in only_failure("test_readers_serve_endings")


def test_a_good_reader_holds_the_contract(install):
    install.toy(*WITH_READER, own=READER.format(body=GOOD))
    assert failures("test_readers_work_in_another_process") == {}


@breaks("test_sample_is_read_and_passes_the_check")
def test_a_set_that_is_mostly_unusable(install):
    place = install.toy()
    (place / "toy_plugin/words.txt").write_text("apple\nb4d\nw0rse\n")
    assert "only 1 of the first 3 rows of words" in only_failure("test_sample_is_read_and_passes_the_check")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("rows = list(read_text(path, None, ()))\n    n = next(calls) % 5\n    yield from rows[n:]", "same order"),
        (
            "for row in read_text(path, None, ()): yield Row(row.number - 1, row.text)",
            "the number 0, where rows are numbered from 1",
        ),
        ("for row in read_text(path, None, ()): yield Row(7, row.text)", "no row is given twice"),
    ],
)
@breaks("test_reader_gives_the_same_rows_each_time")
def test_a_reader_whose_rows_are_not_the_same(install, body, said):
    install.toy(*WITH_READER, own=READER.format(body=body.replace("row.text", "getattr(row, 'text', '')")))
    assert said in failures()["test_reader_gives_the_same_rows_each_time"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "for at, line in enumerate(path.open(encoding='utf-8'), 1): yield row_or_rejected(at, line)",
            "UnicodeDecodeError",
        ),
        (
            "for at, line in enumerate(path.open(errors='surrogateescape'), 1): yield Row(at, line)",
            "row_or_rejected",
        ),
        ("for row in read_text(path, None, ()): yield RejectedRow(row.number, ' ')", "without a printable reason"),
        ("for row in read_text(path, None, ()): yield row.number", "it yields int, not Row"),
        ("path.read_bytes()\n    yield Row(1, 'a')", "FileNotFoundError"),
    ],
)
@breaks("test_readers_read_or_refuse_hostile_files")
def test_a_reader_that_cannot_cope_with_a_file(install, body, said):
    """The reader is one that the domain does not choose, so no other check looks at what it gives."""
    install.toy(WITH_READER[0], own=READER.format(body=body))
    sentence = only_failure("test_readers_read_or_refuse_hostile_files")
    assert said in sentence
    assert sentence.startswith("the Reader 'own' must read a")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("if multiprocessing.parent_process(): raise RuntimeError('not here')", "spawned process"),
        ("if multiprocessing.parent_process(): path = path.with_name('counts.csv')", "the same rows"),
    ],
)
@breaks("test_readers_work_in_another_process")
def test_a_reader_that_knows_only_its_own_process(install, body, said):
    install.toy(*WITH_READER, own=READER.format(body=f"{body}\n    {GOOD}"))
    assert said in only_failure("test_readers_work_in_another_process")


@breaks("test_check_accepts_good_rows")
def test_a_check_that_refuses_good_rows(install):
    class Strict(Toy):
        good_rows = ("apple", "p3ar")

    install.toy()
    assert "the good row 'p3ar'" in only_failure("test_check_accepts_good_rows", Strict)


@breaks("test_check_rejects_bad_rows_with_a_reason")
def test_a_check_that_takes_bad_rows(install):
    install.toy(('"a digit" if', '"" if'))
    assert "the bad row 'b4d'" in failures()["test_check_rejects_bad_rows_with_a_reason"]


def test_a_check_that_leaves_rows_out(install):
    install.toy(("for text in texts]", "for text in texts[1:]]"))
    assert "one item per row" in failures()["test_check_accepts_good_rows"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("text and text[0] and None", "not ''"),
        ("f'holds {text}' if '\\udcff' in text else None", "a row with an undecodable byte"),
        ("text[0] and None", "must return for an empty row, not raise: IndexError"),
        ("'two\\nlines' if len(text) > 999 else None", "None or a one-line reason for a row of 100,000 letters"),
        ("text.encode()[:0].decode() or None", "UnicodeEncodeError"),
    ],
)
@breaks("test_check_answers_hostile_rows")
def test_a_check_that_has_no_answer(install, answer, said):
    digit = '"a digit" if any(letter.isdigit() for letter in text) else '
    install.toy((f"{digit}None", f"{digit}{answer}"))
    assert said in only_failure("test_check_answers_hostile_rows")


@breaks("test_check_judges_each_row_alone")
def test_a_check_that_refuses_what_it_has_seen(install):
    install.toy(
        ("from pathlib import Path", "from pathlib import Path\nseen = []"),
        ("for text in texts]", "for text in texts if not seen.append(text)]"),
        ('"a digit" if', '"twice" if seen.count(text) > 3 else "a digit" if'),
    )
    assert "the same result for 'apple' each time" in failures()["test_check_judges_each_row_alone"]


@breaks("test_check_works_in_another_process")
def test_a_check_that_knows_only_its_own_process(install):
    install.toy(
        (
            "    'Digits are no words.'",
            "    'Digits are no words.'\n    import multiprocessing\n"
            "    if multiprocessing.parent_process(): raise RuntimeError('not here')",
        )
    )
    assert "spawned process" in only_failure("test_check_works_in_another_process")


SPLIT = (
    "'''A split.'''\nimport numpy as np\n\ndef split(texts, valid, test, seed):\n    'Divide rows.'\n    {body}\n"
)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("np.arange(2), np.arange(2, 4), np.arange(4, len(texts) + 1)", "valid row indices"),
        ("np.arange(len(texts)), np.arange(2), np.arange(2, 4)", "disjoint parts"),
        ("np.arange(2), np.arange(2, 4), np.arange(0)", "none of them empty"),
        ("np.arange(2.0), np.arange(2, 4), np.arange(4, len(texts))", "int64"),
        ("*np.array_split(np.random.permutation(len(texts)), 3),", "same seed"),
    ],
)
@breaks("test_splitters_divide_the_rows")
def test_a_splitter_that_gives_wrong_rows_or_loses_its_seed(install, rows, said):
    install.toy(*WITH_SPLITTER, own=SPLIT.format(body=f"return {rows}"))
    assert said in only_failure("test_splitters_divide_the_rows")


LABELLED_SPLIT = (
    "import numpy as np\n\n"
    "def split(texts, valid, test, seed, *, labels):\n"
    "    'Divide rows.'\n"
    "    assert labels.shape == (len(texts), 1)\n"
    "    return np.arange(2), np.arange(2, 4), np.arange(4, len(texts))\n"
)


def test_a_splitter_that_does_not_say_what_it_needs(install):
    install.toy(*WITH_SPLITTER, own=LABELLED_SPLIT)
    assert "'labels'" in only_failure("test_splitters_divide_the_rows")


def test_a_splitter_gets_what_it_says_it_needs(install):
    needs = (':split")]', ':split", needs=("labels",))]')
    install.toy(*WITH_SPLITTER, needs, own=LABELLED_SPLIT)
    assert failures("test_splitters_work_in_another_process") == {}


def test_a_splitter_that_needs_what_there_is_not():
    with pytest.raises(ValueError, match="needs 'weights', but there are only labels, kind, folds, fold"):
        Splitter(name="own", summary="Wrong", factory="toy_plugin.own:split", needs=("weights",))


@pytest.mark.parametrize(
    ("here", "said"),
    [("import nowhere", "spawned process"), ("seed = 1000", "do not use hash")],
)
@breaks("test_splitters_work_in_another_process")
def test_a_splitter_that_knows_only_its_own_process(install, here, said):
    body = (
        "import multiprocessing\n"
        f"    if multiprocessing.parent_process(): {here}\n"
        "    order = np.random.default_rng(seed).permutation(len(texts))\n"
        "    return order[:2], order[2:4], order[4:]"
    )
    install.toy(*WITH_SPLITTER, own=SPLIT.format(body=body))
    assert said in only_failure("test_splitters_work_in_another_process")
    assert not failure("test_splitters_divide_the_rows")
