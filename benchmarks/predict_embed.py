"""Throughput and memory of `predict` and `embed`.

    python -m benchmarks.predict_embed FILE --finetuned RUN --pretrained RUN [--rows N]

FILE is a text file with one row per line, optionally compressed (``.smi``, ``.txt``; ``.csv`` and ``.tsv`` with a
header). It is truncated or repeated to N rows. Each verb runs in a separate process and prints one JSON line:
rows, unusable rows, seconds, rows per second, and peak resident memory in MB.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
from itertools import chain, cycle, islice
from pathlib import Path

from benchmarks.memory import resident_megabytes
from sma_core.data.streams import data_suffix, read_lines


def cut(source: Path, rows: int, folder: Path) -> Path:
    """Write the first ``rows`` rows of ``source``, repeated if there are fewer."""
    lines = list(islice(read_lines(source), rows + 1))
    has_header = data_suffix(source) in (".csv", ".tsv")
    head, body = (lines[:1], lines[1:]) if has_header else ([], lines)
    file = folder / f"rows{data_suffix(source)}"
    file.write_bytes(b"\n".join(chain(head, islice(cycle(body), rows))) + b"\n")
    return file


def measure(verb: str, run: Path, file: Path, out: Path) -> None:
    """Run one verb and print its measurements as JSON."""
    import sma_core

    result = sma_core.predict(run, file, out=out) if verb == "predict" else sma_core.embed(run, file, out)
    figures = {
        "verb": verb,
        "out": out.suffix,
        "rows": result.rows,
        "unusable": result.unusable,
        "seconds": round(result.seconds, 1),
        "rows_per_second": round(result.rows / result.seconds),
        "peak_mb": round(resident_megabytes()),
    }
    print(json.dumps(figures), flush=True)


def main() -> None:
    """Parse the arguments and measure both verbs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--finetuned", type=Path, help="a run of sma finetune, for predict")
    parser.add_argument("--pretrained", type=Path, help="a run of sma train, for embed")
    parser.add_argument("--rows", type=int, default=100_000)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = cut(arguments.file, arguments.rows, folder)
        for verb, run, out in (
            ("predict", arguments.finetuned, "predictions.csv"),
            ("embed", arguments.pretrained, "vectors.npy"),
        ):
            if run is not None:
                process = context.Process(target=measure, args=(verb, run, file, folder / out))
                process.start()
                process.join()


if __name__ == "__main__":
    main()
