"""Paths of outputs and inputs: nothing is replaced unasked, and no name ends in a traceback."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import pytest

import sma_core
from sma_core.errors import UserError
from sma_core.files import replacing
from sma_core.paths import as_path, check_outputs, local_files
from sma_core.writers.tables import plain_cell

ROWS = "name,word,vowels\none,katomire,4\n=2+3,mana,2\n\x1b[31mred,boke,2\n"


@pytest.fixture
def model(toy, shared) -> Path:
    run = shared / "run"
    return run if run.exists() else sma_core.finetune(toy, settings={"training.epochs": 1.0}, out=run).run


@pytest.fixture
def rows(tmp_path) -> Path:
    (tmp_path / "rows.csv").write_text(ROWS)
    return tmp_path / "rows.csv"


def outputs(model: Path, rows: Path, folder: Path) -> dict[str, tuple[object, ...]]:
    """Return a command for each option that names an output."""
    return {
        "predict": ("predict", rows, "--model", model, "--out", folder / "a.csv"),
        "embed": ("embed", rows, "--model", model, "--out", folder / "a.npz"),
        "evaluate": ("evaluate", "--model", model, "--data", rows, "--bootstrap", 0, "--out", folder / "a.json"),
        "predictions": ("evaluate", "--model", model, "--data", rows, "--predictions", folder / "b.csv"),
    }


def test_an_output_that_exists_is_replaced_only_with_force(model, rows, tmp_path, run_sma):
    for command in outputs(model, rows, tmp_path).values():
        out = Path(str(command[-1]))
        out.write_text("precious")
        done = run_sma(*command)
        assert (done.returncode, out.read_text()) == (2, "precious"), command
        assert "exists already: give another name, or --force to replace it" in done.stderr
        assert run_sma(*command, "--force").returncode == 0
        assert out.read_bytes() != b"precious"


def test_an_input_is_never_the_output(model, rows, tmp_path, run_sma, monkeypatch):
    (tmp_path / "link.csv").symlink_to(rows)
    (tmp_path / "folder").mkdir()
    for data, out in (
        ("rows.csv", rows),
        (rows, "folder/../rows.csv"),
        ("link.csv", rows),
        (rows, "link.csv"),
        ("*.csv", rows),
        (f"chem,{rows}", "rows.csv"),
        (f"file://{rows}", rows),
    ):
        for option in ("--out", "--predictions"):
            command = ("predict", data) if option == "--out" else ("evaluate", "--data", data)
            done = run_sma(*command, "--model", model, option, out, "--force")
            assert done.returncode == 2
            assert "is both input and output" in done.stderr
            assert rows.read_text() == ROWS
    done = run_sma("evaluate", "--model", model, "--out", "same.csv", "--predictions", "./same.csv")
    assert "would be written twice" in done.stderr


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device"])
def test_only_files_are_replaced(model, rows, tmp_path, run_sma, kind):
    for name in ("a.csv", "a.npz", "a.json", "b.csv"):
        out = tmp_path / name
        if kind == "pipe":
            os.mkfifo(out)
        elif kind == "folder":
            out.mkdir()
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as opened:
                opened.bind(os.path.relpath(out))
        else:
            out.symlink_to("/dev/null")
        before = stat.S_IFMT(out.stat().st_mode)
        for command in outputs(model, rows, tmp_path).values():
            if command[-1] == out:
                done = run_sma(*command, "--force")
                assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
                assert str(out) in done.stderr
        with pytest.raises(FileExistsError), replacing(out):
            pass
        assert stat.S_IFMT(out.stat().st_mode) == before
        assert not list(tmp_path.glob(".*.tmp"))


def test_through_a_link_the_file_is_written(model, rows, tmp_path):
    (tmp_path / "link.csv").symlink_to("target.csv")
    sma_core.predict(model, rows, out=tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert len((tmp_path / "target.csv").read_text().splitlines()) == 4


def test_standard_output_is_written_to(model, rows, run_sma):
    for out in ("-", "/dev/stdout"):
        done = run_sma("predict", rows, "--model", model, "--out", out)
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) == 4
        done = run_sma("evaluate", "--model", model, "--data", rows, "--out", out, "--force")
        assert "is a stream" in done.stderr
    assert not Path("-").exists()


def test_a_pipe_as_input_is_refused(model, rows, tmp_path, run_sma):
    for name in ("pipe.csv", "pipe.toml", "pipe.py", "pipe.parquet"):
        os.mkfifo(tmp_path / name)
    for command in (
        ("predict", "pipe.csv", "--model", model),
        ("predict", "pipe.parquet", "--model", model),
        ("evaluate", "--data", "pipe.csv", "--model", model),
        ("train", "--domain", "toy", "--data", "pipe.csv"),
        ("train", "--domain", "toy", "--config", "pipe.toml"),
        ("train", "--domain", "./pipe.py"),
        ("predict", rows, "--model", "pipe.csv"),
    ):
        done = run_sma(*command)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), (command, done.stderr)


def test_home_is_expanded_everywhere(toy, model, rows, tmp_path, run_sma, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    home = tmp_path / "home"
    home.mkdir()
    (home / "model").symlink_to(model)
    (home / "rows.csv").write_text(ROWS)
    (home / "more.toml").write_text("[data]\nsource = '~/rows.csv'\n")
    monkeypatch.setenv("SMA_CACHE", "~/cache")
    few = ("--set", "training.steps=2")
    for command in (
        ("predict", "~/rows.csv", "--model", "~/model", "--out", "~/a.csv"),
        ("embed", "~/rows.csv,~/rows.csv", "--model", "~/model", "--out", "~/a.npy"),
        ("evaluate", "--data", "~/r*.csv", "--model", "~/model", "--out", "~/a.json", "--predictions", "~/b.csv"),
        ("train", "--domain", toy, "--config", "~/more.toml", "--out", "~/run", *few),
        ("train", "--domain", toy, "--set", "data.source=~/rows.csv", "--out", "~/again", *few),
        ("train", "--resume", "~/run", "--set", "training.steps=3"),
        ("finetune", "--domain", toy, "--set", "pretrained=~/run", "--set", "training.epochs=1", "--dry-run"),
    ):
        done = run_sma(*command)
        assert done.returncode == 0, (command, done.stderr)
    assert {path.name for path in home.iterdir()} >= {"a.csv", "a.npy", "a.json", "b.csv", "run", "again", "cache"}
    assert not (tmp_path / "~").exists()
    with pytest.raises(UserError, match="home folder"):
        as_path("~no-such-user/rows.csv")


def test_many_names_are_a_list_and_a_long_name_is_a_sentence(model, tmp_path, run_sma):
    names = [f"{'part' * 4}-{number}.csv" for number in range(30)]
    for name in names:
        (tmp_path / name).write_text(ROWS)
    done = run_sma("predict", ",".join(names), "--model", model, "--out", "all.csv")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 91
    assert len(local_files(",".join(names))) == 30
    long = "n" * 300
    for command in (
        ("predict", f"{long}.csv", "--model", model),
        ("predict", names[0], "--model", long),
        ("predict", names[0], "--model", model, "--out", f"{long}.csv"),
        ("train", "--domain", "toy", "--out", long),
        ("train", "--domain", f"{long}.py"),
        ("train", "--domain", "toy", "--config", long),
        ("train", "--domain", "toy", "--resume", long),
    ):
        done = run_sma(*command)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), (command, done.stderr)
        assert "longer than 255 bytes" in done.stderr


def test_names_that_are_no_text_are_a_sentence(model, rows, tmp_path, run_sma, monkeypatch):
    wrong = os.fsdecode(b"bad\xff")
    (tmp_path / f"{wrong}.csv").write_text(ROWS)
    for command in (
        ("predict", f"{wrong}.csv", "--model", model),
        ("predict", "*.csv", "--model", model),
        ("predict", rows, "--model", wrong),
        ("predict", rows, "--model", model, "--out", f"{wrong}.csv"),
        ("evaluate", "--model", model, "--data", f"{wrong}.csv"),
        ("train", "--domain", "toy", "--data", f"{wrong}.csv"),
        ("train", "--domain", "toy", "--out", wrong),
        ("train", "--domain", "toy", "--set", f"data.source={wrong}.csv"),
        ("train", "--domain", wrong),
    ):
        done = run_sma(*command)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), (command, done.stderr)
    folder = tmp_path / wrong
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "rows.csv").write_text(ROWS)
    few = ("--set", "training.steps=2")
    for command in (
        ("train", "--domain", "toy", "--data", "rows.csv", "--out", "run", *few),
        ("predict", "rows.csv", "--model", model, "--out", "a.csv"),
        ("evaluate", "--model", model, "--data", "rows.csv", "--out", "a.json", "--bootstrap", 0),
    ):
        done = run_sma(*command)
        assert done.returncode == 0, (command, done.stderr)
    json.loads((folder / "a.json").read_text(encoding="utf-8"))


def test_formulas_are_escaped_on_request(model, rows, tmp_path, run_sma):
    for command in (
        ("predict", rows, "--model", model, "--id", "name", "--out"),
        ("evaluate", "--data", rows, "--model", model, "--id", "name", "--predictions"),
    ):
        assert run_sma(*command, "raw.csv", "--force").returncode == 0
        assert run_sma(*command, "plain.csv", "--force", "--escape-formulas").returncode == 0
        raw, plain = ((tmp_path / name).read_text() for name in ("raw.csv", "plain.csv"))
        assert ",=2+3," in raw
        assert raw.replace(",=2+3,", ",'=2+3,") == plain
    assert [plain_cell(cell) for cell in ("-1", "+2.5", "-x", "@a", "\tb", "", 3, None)] == [
        *("-1", "+2.5", "'-x", "'@a", "'\tb", "", 3, None)
    ]


def test_a_new_file_may_be_written(tmp_path):
    check_outputs(tmp_path / "new.csv", None, inputs=[tmp_path / "none.csv"])


def tree(*folders: Path) -> dict[str, tuple[float, int]]:
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return {str(path): (path.stat().st_mtime, path.stat().st_size) for path in paths}


@pytest.mark.parametrize("domain", ["toy", "toy-numbers", "physics"])
def test_a_dry_run_writes_nothing(toy, domain, tmp_path, run_sma, monkeypatch):
    if domain == "physics":
        pytest.importorskip("sma_physics")
        monkeypatch.delenv("SMA_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    folders = (tmp_path, Path(os.environ["SMA_CACHE"]))
    before = tree(*folders)
    for verb in ("train", "finetune"):
        done = run_sma(verb, "--domain", domain, "--dry-run")
        assert done.returncode == 0, done.stderr
        assert tree(*folders) == before


@pytest.mark.parametrize(
    "name", ["model.json", "results.json", "split.csv", "checkpoints/step-00000001/model.safetensors"]
)
def test_files_of_a_run_are_never_replaced(tmp_path, name):
    (tmp_path / "model.json").write_text("{}")
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}")
    with pytest.raises(UserError, match="is a file of a run, which is never replaced"):
        check_outputs(file, force=True)
    check_outputs(tmp_path / "report.json")
    (tmp_path / "report.json").write_text("")
    check_outputs(tmp_path / "report.json", force=True)
