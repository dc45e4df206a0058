"""Defects in the code of a plugin are one sentence: the function, the row, and what was expected."""

from __future__ import annotations

import pytest

import sma_core
from sma_core.errors import PluginError

OWN = """
import numpy as np
from sma_core.data.records import RejectedRow, Row
from sma_core.data.tokenizers import ByteTokenizer, EncodedRows

class Own(ByteTokenizer):
    name = "own"

    def encode(self, texts):
        {encode}
        return super().encode(texts)

def check(texts):
    {check}
    return [None] * len(texts)

def read(path, column, fields, *, usual=()):
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        {read}
        yield Row(number, line)
"""
HOOKS = """
from sma_core.plugins import Reader, Tokenizer, hookimpl

@hookimpl
def sma_tokenizers():
    return [Tokenizer(name="own", summary="Own", factory="toy_plugin.own:Own")]

@hookimpl
def sma_readers():
    return [Reader(name="own", summary="Own", factory="toy_plugin.own:read", suffixes=(".own",))]
"""
CHANGES = (
    ('tokenizer="bytes", reader="lines"', 'tokenizer="own", reader="own"'),
    ("toy_plugin.parts:check", "toy_plugin.own:check"),
    (
        "@hookimpl\ndef sma_tasks",
        HOOKS.replace("from sma_core.plugins import Reader, Tokenizer, hookimpl\n", "")
        + "\n@hookimpl\ndef sma_tasks",
    ),
)

WRONG = [
    (
        "encode",
        "if 'wordd' in ' '.join(texts): raise KeyError('d')",
        "the tokenizer 'own' (toy_plugin.own:Own) cannot encode row 4, 'worddddd': KeyError: 'd'",
    ),
    (
        "encode",
        "return tuple([1, 5] for text in texts)",
        "encode of the tokenizer 'own' (toy_plugin.own:Own) must return EncodedRows, or a list with the ids of "
        "each row, not tuple",
    ),
    ("encode", "return super().encode(texts[1:])", "returned 29 rows for 30 rows"),
    (
        "encode",
        "return (lambda rows: EncodedRows(rows.values + 200, rows.offsets))(super().encode(texts))",
        "gave the id 325 for row 1, 'worda'; ids must be from 0 to 261",
    ),
    (
        "check",
        "return [len(text) / (len(text) - 9) and None for text in texts]",
        "the check toy_plugin.own:check failed for row 5, 'wordeeeee': ZeroDivisionError",
    ),
    (
        "check",
        "return [True] * len(texts)",
        "the check toy_plugin.own:check must return None or a reason, not True: row 1, 'worda'",
    ),
    ("check", "return None", "must return a list of one item per row, 30 here, not NoneType"),
    ("check", "return [None]", "must return a list of one item per row, 30 here, not a list of 1"),
    (
        "read",
        "if number == 8: raise KeyError('column')",
        "the reader toy_plugin.own:read failed after row 7 of {file}: KeyError: 'column'",
    ),
    (
        "read",
        "yield line",
        "the reader toy_plugin.own:read must yield Row or RejectedRow, not str, after row 0 of {file}",
    ),
]


@pytest.mark.parametrize(("function", "body", "sentence"), WRONG)
def test_a_defect_of_a_plugin_is_a_sentence(install, tmp_path, function, body, sentence):
    bodies = dict.fromkeys(("encode", "check", "read"), "pass") | {function: body}
    install.toy(*CHANGES, own=OWN.format(**bodies))
    file = tmp_path / "rows.own"
    file.write_text("".join(f"word{chr(97 + row % 26) * (row % 5 + 1)}\n" for row in range(30)))
    with pytest.raises(PluginError) as raised:
        sma_core.train("toy", settings={"data.source": str(file), "data.processes": 1}, out=tmp_path / "run")
    assert sentence.format(file=file) in str(raised.value)
    assert "\n" not in str(raised.value)
