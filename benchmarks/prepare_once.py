"""One preparation in a process of its own, which imports no torch: a peak of memory is then the preparation's.

`python -m benchmarks.prepare_once` reads its arguments as JSON from standard input and prints its figures as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.memory import resident_megabytes
from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import PrepareRequest, ValuesRequest
from sma_core.data.readers import Reader
from sma_core.data.readers.csv import read_csv
from sma_core.data.readers.lines import read_text
from sma_core.data.readers.table import read_table
from sma_core.data.streams import data_suffix
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.memory import keep_freed_memory

USUAL = ("smiles", "SMILES", "sequence", "text")


def prepared_apart(file: Path, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - what `prepared` takes
    """Call `prepared` in a new process; raises `RuntimeError` with what it said when it fails."""
    asked = json.dumps({"file": str(file), **settings})
    command = [sys.executable, "-m", "benchmarks.prepare_once"]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"preparing {file} left with {done.returncode}: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def prepared(file: Path, check: str | None, processes: int | None, numbers: bool, longest: int) -> dict[str, Any]:
    """Prepare once, in a temporary folder; return rows, those set aside, seconds and this process's peak in MB."""
    with tempfile.TemporaryDirectory() as folder:
        common: dict[str, Any] = {"source": file, "reader_name": "benchmark", "cache": Path(folder)}
        common |= {"max_length": longest, "max_rejected": 1.0}
        if numbers:
            request: Any = ValuesRequest(reader=read_table, **common)
        else:
            texts: dict[str, Any] = {
                "reader": _reader_for(file),
                "tokenizer": ByteTokenizer(),
                "usual_columns": USUAL,
            }
            request = PrepareRequest(**common, **texts, check=check, processes=processes)
        summary = prepare(request).summary
    figures = {"rows": summary.rows, "rejected": summary.rejected, "seconds": summary.seconds}
    return figures | {"peak_mb": round(resident_megabytes(), 1)}


def _reader_for(path: Path) -> Reader:
    """Choose the reader of texts by the file's suffix."""
    suffix = data_suffix(path)
    if suffix == ".smi":
        from sma_chem.smi import read_smi

        return read_smi
    return read_text if suffix == ".txt" else read_csv


if __name__ == "__main__":
    keep_freed_memory()  # as the program `sma` does
    asked = json.load(sys.stdin)
    print(json.dumps(prepared(Path(asked.pop("file")), **asked)))
