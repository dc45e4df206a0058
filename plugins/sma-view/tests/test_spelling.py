"""Spelling variety and duplicates in the report of `sma data inspect`."""

import json
import re

import pytest

from sma_core.data.records import Row
from sma_view.inspect_data import inspect_data
from sma_view.spelling import Spelling, SpellingTally


def test_rows_are_counted_by_normal_form_and_label():
    tally = SpellingTally(True, True)
    tally.add([Row(1, "CCO", ("0",), written="OCC"), Row(2, "CCO", ("1",)), Row(3, "CC", ("1",))])
    tally.add([Row(4, "CC", ("1",)), Row(5, "C", ("0",))])
    assert tally.result() == Spelling(respelled=1, duplicates=2, conflicting=2)
    assert SpellingTally(False, False).result() == Spelling(None, 0, None)


def test_the_report_says_what_training_would_read(tmp_path, run_sma):
    pytest.importorskip("sma_chem")
    file = tmp_path / "rows.csv"
    file.write_text("smiles,y\nOCC,0\nCCO,1\nc1ccccc1,1\nC1=CC=CC=C1,1\nCC,0\n")
    assert inspect_data("chem", file, target="y").text.spelling == Spelling(2, 2, 2)
    raw = inspect_data("chem", file, settings={"data.normalise": False})
    assert raw.text.spelling == Spelling(None, 0, None)
    done = run_sma("data", "inspect", "--domain", "chem", file, "--target", "y")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\n2 of 5 rows \(40.*\) are not in the normal form of the domain", done.stdout)
    assert re.search(r"\n2 of 5 rows \(40.*\) are equal to a row with another label", done.stdout)
    (tmp_path / "canonical.smi").write_text("CCO\nCC\n")
    done = run_sma("data", "inspect", "--domain", "chem", tmp_path / "canonical.smi")
    assert "all rows are in the normal form of the domain\nno row is equal to an earlier row\n" in done.stdout
    done = run_sma("data", "inspect", "--domain", "chem", file, "--json")
    assert json.loads(done.stdout)["text"]["spelling"] == {"respelled": 2, "duplicates": 2, "conflicting": None}
