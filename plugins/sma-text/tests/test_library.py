"""The docstrings of the standard library, and their split."""

from __future__ import annotations

import csv
import gzip

import pytest

from sma_core.errors import UserError
from sma_text.library import PACKAGES, SHORTEST, docstrings, packages, pairs, read_docstrings


def rows_of(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_docstrings_are_read_without_import_and_once(tmp_path):
    (tmp_path / "email").mkdir()
    (tmp_path / "test").mkdir()
    code = 'raise SystemExit("imported")\ndef f():\n    """One.\n\n      Two.\n    Three.\n    """\n'
    code += 'class C:\n    "One."\n'
    (tmp_path / "email" / "a.py").write_text(code)
    (tmp_path / "email" / "b.py").write_text('"""One."""\n"""No docstring."""\n')
    (tmp_path / "email" / "broken.py").write_text('"""Broken."""\nnot python at all\n')
    (tmp_path / "test" / "c.py").write_text('"""A test."""\n')
    rows = read_docstrings(tmp_path)
    assert {(row.package, row.module, row.text) for row in rows} == {
        ("email", "email/a.py", "One.\n\n  Two.\nThree."),
        ("email", "email/a.py", "One."),
    }


def test_a_library_without_source_files_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="has no source files in"):
        read_docstrings(tmp_path)


def test_the_sets_are_made_once_and_split_by_module():
    first = docstrings()
    before = first.stat().st_mtime_ns
    assert docstrings() == first
    assert first.stat().st_mtime_ns == before
    texts = [row["text"] for row in rows_of(first)]
    assert len(texts) > 5000
    assert len(set(texts)) == len(texts)
    for path, label in ((packages(), "package"), (pairs(), "same")):
        rows = rows_of(path)
        parts = {}
        for row in rows:
            assert parts.setdefault(row["module"], row["split"]) == row["split"]
        for part in ("train", "valid", "test"):
            labels = {row[label] for row in rows if row["split"] == part}
            assert labels == (set(PACKAGES) if label == "package" else {"0", "1"})
            assert sum(row["split"] == part for row in rows) > 0.1 * len(rows)


def test_a_pair_belongs_together_or_its_parts_are_of_one_module():
    known = {}
    for row in rows_of(docstrings()):
        summary, _, rest = row["text"].partition("\n\n")
        body = " ".join(rest.strip().partition("\n\n")[0].split())
        known.setdefault((row["module"], " ".join(summary.split())), set()).add(body)
    rows = rows_of(pairs())
    assert 0.4 < sum(row["same"] == "1" for row in rows) / len(rows) < 0.6
    for row in rows:
        own = row["body"] in known[row["module"], row["summary"]]
        assert own == (row["same"] == "1")
        assert any(row["body"] in bodies for (module, _), bodies in known.items() if module == row["module"])
        assert min(len(row["summary"]), len(row["body"])) >= SHORTEST
