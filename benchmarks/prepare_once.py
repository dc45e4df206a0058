"""Preparation of a file in a separate process, which does not import torch, to measure its peak memory.

`python -m benchmarks.prepare_once` reads its arguments as JSON from standard input and prints results as JSON.
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
    """Call `prepared` in a new process; raise `RuntimeError` with the end of its stderr if it fails."""
    arguments = json.dumps({"file": str(file), **settings})
    command = [sys.executable, "-m", "benchmarks.prepare_once"]
    done = subprocess.run(command, input=arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"preparing {file} exited with status {done.returncode}: {done.stderr[-500:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def prepared(file: Path, check: str | None, processes: int | None, numbers: bool, longest: int) -> dict[str, Any]:
    """Prepare a file in a temporary folder; return rows, rejected rows, seconds and peak memory in MB."""
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
    """Return the reader of texts for the suffix of ``path``."""
    suffix = data_suffix(path)
    if suffix == ".smi":
        from sma_chem.smi import read_smi

        return read_smi
    return read_text if suffix == ".txt" else read_csv


if __name__ == "__main__":
    keep_freed_memory()  # as the program `sma` does
    arguments = json.load(sys.stdin)
    print(json.dumps(prepared(Path(arguments.pop("file")), **arguments)))
