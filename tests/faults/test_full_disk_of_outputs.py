"""A disk that is full while predict and embed write: one sentence, no file, and no crash of a library."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sma_core
from tests.support.matrix import full_but
from tests.support.toy_domain.words import make_words

LIMITED = (
    "import resource, sys; size = int(sys.argv.pop(1)); resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)); "
)
PROGRAM = LIMITED + "from sma_core.cli import main; main(sys.argv[1:])"
WRITE = """
import h5py, numpy as np
from pathlib import Path
from sma_core.writers.hdf5_target import Hdf5Target
with Hdf5Target(Path(sys.argv[1])) as target:
    with h5py.File(target, "w") as file:
        data = file.create_dataset("vectors", (0, 64), maxshape=(None, 64), chunks=(64, 64), dtype="f4")
        for _ in range(3):
            data.resize(len(data) + 100, axis=0)
            data[-100:] = np.ones((100, 64))
        file.create_dataset("reasons", data=np.array(["text"] * 300, dtype=object), dtype=h5py.string_dtype())
    target.check()
"""


@pytest.mark.parametrize("size", full_but([6_000], [0, 500, 6_000, 20_000, 50_000, 90_000]))
def test_hdf5_does_not_crash(tmp_path, size):
    pytest.importorskip("h5py")
    command = [sys.executable, "-c", LIMITED + WRITE, str(size), str(tmp_path / "vectors.h5")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done
    assert done.stderr.splitlines()[-1] == "OSError: [Errno 27] File too large"
    assert done.stderr.count("Traceback") == 1


OUTPUTS = ["out.csv", "out.csv.gz", "out.jsonl", "out.parquet", "out.npy", "out.npz", "vectors.parquet", "out.h5"]


@pytest.mark.full
@pytest.mark.parametrize("out", OUTPUTS)
def test_an_output_that_does_not_fit_is_one_sentence(toy, shared, tmp_path, out):
    run, words = shared / "tuned", shared / "words.txt"
    if not run.exists():
        sma_core.finetune(toy, settings={"training.epochs": 1.0}, out=run)
        words.write_text("".join(f"{word}\n" for word in make_words(9000, 1)))
    if out == "out.h5":
        pytest.importorskip("h5py")
    verb = "embed" if out.endswith(("npy", "npz", "h5")) or "vectors" in out else "predict"
    folder = tmp_path / "out"
    folder.mkdir()
    for size in (4_000, 20_000):
        command = [sys.executable, "-c", PROGRAM, str(size), verb, "--model", str(run), str(words)]
        command += ["--out", str(folder / out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done
        assert "Traceback" not in done.stderr
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, done.stderr
        assert f"cannot write {folder / out}" in errors[0]
        assert "too large" in errors[0].lower()
        assert not list(folder.iterdir())
