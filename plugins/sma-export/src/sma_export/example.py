"""The files beside an exported model that show how to use it: a program of some 30 lines, and a page."""

from __future__ import annotations

from string import Template

from sma_export.check import Comparison
from sma_export.formats import ONNX, Format
from sma_export.interface import Interface

PROGRAM = "predict.py"

_LOAD = {
    "onnx": '''import onnxruntime

session = onnxruntime.InferenceSession(HERE / "model.onnx")


def run(*arguments):
    """Return the results of a batch."""
    names = [argument.name for argument in session.get_inputs()]
    return session.run(None, dict(zip(names, arguments)))[0]''',
    "torch": '''import torch

model = torch.export.load(HERE / "model.pt2").module()


def run(*arguments):
    """Return the results of a batch."""
    with torch.inference_mode():
        return model(*map(torch.from_numpy, arguments)).numpy()''',
}
_ROWS = {
    "text": (
        '''def arguments_of(texts):
    """Return ids (rows, length): bytes with an offset, then the separator, padded at the end."""
    tokens, longest = ABOUT["inputs"]["tokenizer"], ABOUT["inputs"]["max_length"]
    rows = [[byte + tokens["offset"] for byte in text.encode()][: longest - 1] for text in texts]
    ids = np.full((len(rows), max(map(len, rows)) + 1), tokens["pad"], dtype=np.int64)
    for line, row in zip(ids, rows):
        line[: len(row) + 1] = [*row, tokens["separator"]]
    return (ids,)


ROWS = sys.argv[1:]''',
        "TEXT TEXT …",
    ),
    "table": (
        '''def value_of(number, line, name):
    """Return the number in a column of a line, NaN if it is missing."""
    cell = line.get(name)
    if cell is None:
        sys.exit(f"row {number} has no column {name!r}")
    if cell.strip().lower() in ABOUT["inputs"]["missing"]:
        return math.nan
    value = np.float32(cell)
    return value if np.isfinite(value) else sys.exit(f"row {number}: {name} is {cell}")


def arguments_of(lines):
    """Return values (rows, features) of the model's columns."""
    names = ABOUT["inputs"]["features"]
    values = [[value_of(number, line, name) for name in names] for number, line in enumerate(lines, start=1)]
    return (np.array(values, dtype=np.float32),)


with open(sys.argv[1], newline="", encoding="utf-8-sig") as file:
    ROWS = list(csv.DictReader(file))''',
        "ROWS.csv",
    ),
    "sequences": (
        '''def arguments_of(values):
    """Return values (rows, length, channels) and the length of each row, here the same for all."""
    return values.astype(np.float32), np.full(len(values), values.shape[1], dtype=np.int64)


ROWS = np.load(sys.argv[1], allow_pickle=False)''',
        "ROWS.npy",
    ),
}
_OTHER = (
    '''def arguments_of(ids):
    """Return ids (rows, length) of the tokenizer, padded at the end."""
    return (ids.astype(np.int64),)


ROWS = np.load(sys.argv[1], allow_pickle=False)''',
    "IDS.npy",
)
_PROGRAM = Template('''"""Results of an exported model, a line of JSON for each row: python predict.py ROWS"""

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np

if len(sys.argv) < 2:
    sys.exit(__doc__)
HERE = Path(__file__).parent
ABOUT = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
$load


$rows
if not len(ROWS):
    sys.exit("there are no rows")
for result in run(*arguments_of(ROWS)):
    print(json.dumps(dict(zip(ABOUT["columns"], result.tolist())) if result.ndim == 1 else result.tolist()))
''')
_README = Template("""# $title

Exported from the run `$run` of the domain `$domain`$task, as $file. It needs no sma:
`python predict.py $arguments` uses numpy and $library.

- Input: $inputs
- Output: $meaning
- Columns: $columns
$remarks
Compared with the run on $rows made-up rows: the largest difference of a result is $difference,
$share of the largest result.
""")


def example_program(interface: Interface, format: Format) -> str:
    """Return the text of a program that predicts with the model."""
    program = _PROGRAM.substitute(load=_LOAD[format.name], rows=_reading(interface)[0])
    unused = (name for name in ("csv", "math") if f"{name}." not in program)
    for name in unused:
        program = program.replace(f"import {name}\n", "")
    return program


def readme(interface: Interface, format: Format, comparison: Comparison) -> str:
    """Return the text of the page beside the model."""
    columns = interface.columns
    shown = ", ".join(columns[:12]) + (f", … ({len(columns)})" if len(columns) > 12 else "")
    return _README.substitute(
        title=f"{interface.run}, exported",
        run=interface.run,
        domain=interface.domain,
        task="" if interface.task is None else f", fine-tuned on {interface.task}",
        file=f"`{format.file}`",
        library="onnxruntime" if format is ONNX else "torch",
        arguments=arguments_of_program(interface),
        inputs="; ".join(f"`{name}` {shape}" for name, shape in interface.inputs["arguments"].items()),
        meaning=interface.meaning,
        columns=shown,
        remarks="".join(f"- Note: {remark}.\n" for remark in interface.remarks),
        rows=f"{comparison.rows:,}",
        difference=f"{comparison.difference:.2g}",
        share=f"{comparison.share:.2g}",
    )


def arguments_of_program(interface: Interface) -> str:
    """Return the arguments that the program takes."""
    return _reading(interface)[1]


def _reading(interface: Interface) -> tuple[str, str]:
    """Return the part of the program that makes arguments from rows, and the arguments of the program."""
    return _ROWS[interface.inputs["kind"]] if interface.is_portable else _OTHER
