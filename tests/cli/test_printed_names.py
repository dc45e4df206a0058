"""Names and rows with escape codes: terminals and cards get them as text, tables and JSON as they are."""

from __future__ import annotations

import ast
import io
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

import sma_core
from sma_core.writers.tables import PrintableOutput

ESC = "\x1b[31m"
ROOT = Path(__file__).parents[2]
COMMANDS = [*(ROOT / "sma_core" / "cli").rglob("*.py"), *ROOT.glob("plugins/*/src/*/commands/*.py")]
WORDS = "".join(
    f"{ESC}n,{first}a{second}o,{number % 3}\n"
    for number, (first, second) in enumerate((first, second) for first in "bklmn" for second in "bklmnrst")
)


@pytest.fixture
def words(tmp_path) -> Path:
    (tmp_path / "words.csv").write_text(f"name,word,{ESC}y\n{WORDS}")
    return tmp_path / "words.csv"


def test_nothing_printed_and_no_card_has_escape_codes(toy, words, tmp_path, run_sma):
    few = ("--set", "training.epochs=1", "--kind", "regression", "--out", "run")
    commands = [
        ("finetune", "--domain", toy, "--data", words, "--target", f"{ESC}y", "--split", "random", *few),
        ("evaluate", "--model", "run", "--bootstrap", 0),
        ("models", "card", "run"),
    ]
    if find_spec("sma_view"):
        commands += [("data", "inspect", "--domain", toy, words)]
    for command in commands:
        done = run_sma(*command)
        assert done.returncode == 0, (command, done.stderr)
        assert "\x1b" not in done.stdout + done.stderr, command
    card = (tmp_path / "run" / "README.md").read_text()
    assert "\x1b" not in card
    assert "\\x1b[31my" in card
    found = json.loads(run_sma("evaluate", "--model", "run", "--bootstrap", 0, "--json").stdout)
    assert found["figures"]
    assert ESC in (tmp_path / "run" / "model.json").read_text().replace("\\u001b", "\x1b")


def test_the_name_of_a_run_has_no_escape_codes_and_no_markup(toy, run_sma):
    out = f"run {ESC}[bold]x[/]"
    done = run_sma("train", "--domain", toy, "--set", "training.steps=2", "--out", out.replace("/", "-"))
    assert done.returncode == 0, done.stderr
    for printed in (done.stdout, done.stderr):
        assert "run \\x1b[31m[bold]x[-]" in printed
        assert "\x1b" not in printed


def test_a_table_on_a_terminal_is_printable_and_in_a_pipe_raw(toy, words, tmp_path, run_sma, monkeypatch):
    run = sma_core.finetune(toy, settings={"training.epochs": 1.0}, out=tmp_path / "run").run
    done = run_sma("predict", words, "--model", run, "--id", "name")
    assert done.stdout.count(ESC) == 40
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr("sys.stdout", stream)
    sma_core.predict(run, words, identifier="name")
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().count("\\x1b[31mn") == 40
    assert PrintableOutput(stream).write("\x9b") > 0


@pytest.mark.parametrize("file", COMMANDS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_commands_print_through_one_door(file):
    """`sma_core.cli.output.echo` escapes what a terminal would obey."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    names = {ast.unparse(call.func) for call in calls}
    allowed = {"output.py": {"typer.echo"}, "app.py": {"typer.echo"}, "endings.py": {"print"}}.get(
        file.name, set()
    )
    assert names & {"typer.echo", "print", "typer.secho", "click.echo"} <= allowed


def test_a_card_of_endless_names_is_short(toy, tmp_path):
    long = "y" * 100_000
    (tmp_path / "words.csv").write_text(f"name,word,{long}\n{WORDS}")
    settings = {"training.epochs": 1.0, "targets": [long], "kind": "regression", "split.name": "random"}
    run = sma_core.finetune(toy, data=tmp_path / "words.csv", settings=settings, out=tmp_path / "run").run
    card = (run / "README.md").read_text()
    assert "characters left out" in card
    assert max(map(len, card.splitlines())) < 21_000
