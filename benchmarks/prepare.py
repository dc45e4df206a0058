"""Measure how fast a file is prepared, and how much memory that takes.

    python benchmarks/prepare.py FILE [--check PACKAGE.MODULE:FUNCTION] [--processes N] [--column NAME]

FILE is a .txt, .csv, .tsv or (with the chem plugin) .smi file, compressed or not. Prints one JSON object:
rows, rows per second, and the peak resident memory of this process and of its largest worker in MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path

from sma_core.data.prepare import prepare
from sma_core.data.prepared import PrepareRequest
from sma_core.data.readers import Reader
from sma_core.data.readers.csv import read_csv
from sma_core.data.readers.lines import read_text
from sma_core.data.streams import data_suffix
from sma_core.data.tokenizers import ByteTokenizer

USUAL = ("smiles", "SMILES", "sequence", "text")


def reader_for(path: Path) -> Reader:
    """Choose the reader by the file's suffix."""
    suffix = data_suffix(path)
    if suffix == ".smi":
        from sma_chem.smi import read_smi

        return read_smi
    return read_text if suffix == ".txt" else read_csv


def peak_megabytes(who: int) -> int:
    """Peak resident memory; the system counts in kB on Linux and in bytes on macOS."""
    peak = resource.getrusage(who).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)


def main() -> None:
    """Prepare the file in a temporary folder and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--check")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--column")
    parser.add_argument("--max-length", type=int, default=512)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        request = PrepareRequest(
            source=arguments.file,
            reader=reader_for(arguments.file),
            reader_name="benchmark",
            tokenizer=ByteTokenizer(),
            cache=Path(cache),
            max_length=arguments.max_length,
            column=arguments.column,
            usual_columns=USUAL,
            check=arguments.check,
            processes=arguments.processes,
        )
        summary = prepare(request).summary
    figures = {
        "rows": summary.rows,
        "rejected": summary.rejected,
        "seconds": round(summary.seconds, 1),
        "rows_per_second": round(summary.rows / summary.seconds),
        "peak_mb": peak_megabytes(resource.RUSAGE_SELF),
        "largest_worker_peak_mb": peak_megabytes(resource.RUSAGE_CHILDREN),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
