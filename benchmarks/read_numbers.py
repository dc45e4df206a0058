"""Measure how fast a file of numbers is read, and how fast it is prepared.

    python benchmarks/read_numbers.py FILE [--names label,a,b,…]

FILE is a .csv or .tsv file, compressed or not. Prints one JSON object: rows, rows per second of the reader
alone and of the whole preparation, and the peak resident memory in MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from sma_core.data.blocks import Block
from sma_core.data.prepare import prepare
from sma_core.data.prepared import ValuesRequest
from sma_core.data.readers.table import read_table


def main() -> None:
    """Read the file, prepare it in a temporary folder, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--names", default="", help="Names of the columns, with commas, of a file without a header."
    )
    arguments = parser.parse_args()
    names = tuple(filter(None, arguments.names.split(",")))
    began = time.perf_counter()
    records = read_table(arguments.file, (), (), names=names)
    rows = sum(len(record) for record in records if isinstance(record, Block))
    reading = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as cache:
        request = ValuesRequest(
            source=arguments.file,
            reader=read_table,
            reader_name="benchmark",
            cache=Path(cache),
            max_length=100_000,
            names=names,
        )
        summary = prepare(request).summary
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)
    figures = {
        "rows": rows,
        "rows_per_second": round(rows / reading),
        "prepared_rows_per_second": round(summary.rows / summary.seconds),
        "peak_mb": peak,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
