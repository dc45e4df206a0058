"""Fifty plugins and fifty commands installed: the program starts with the same imports as with none."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "pyarrow", "rdkit", "scipy", "sklearn", "pandas")
CODE = (
    "import sys\nfrom sma_core.cli import main\n"
    "try:\n    main(sys.argv[1:])\nexcept SystemExit as left:\n    assert not left.code, left.code\n"
    "print(' '.join(sorted(sys.modules)), file=sys.stderr)"
)


def modules(install, *arguments):
    """Names of the modules that a process has after running the program, and its output."""
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=install.environment())
    return set(done.stderr.splitlines()[-1].split()), done.stdout


def install_fifty(install):
    for number in range(50):
        name, module = f"many{number}", f"other_many{number}"
        install(
            f"sma-{name}",
            {name: module},
            {f"{module}.py": f"raise SystemExit({number})"},
            facts=["Keywords: sma-api-1.4"],
            commands={f"{name}: Do thing {number}.": f"{module}:run"},
        )


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["--version"], ["plugins", "list", "--json"]]
)
def test_fifty_plugins_add_no_import(install, arguments):
    install("sma-one", {"one": "other_one"}, {}, commands={"one: Do one thing.": "other_one:run"})
    before, _ = modules(install, *arguments)
    install_fifty(install)
    after, output = modules(install, *arguments)
    assert after == before
    assert not after & set(HEAVY)
    assert not any(name.startswith(("other_", "sma_chem", "sma_protein", "sma_physics")) for name in after)
    if arguments == ["--help"]:
        assert "many49" in output
        assert not {"pluggy", "sma_core.cli.train", "sma_core.cli.plugins", "rich"} & after
    if "list" in arguments:
        assert len([each for each in json.loads(output) if each["name"].startswith("many")]) == 50


def test_a_verb_imports_its_domain_and_none_of_fifty_others(install):
    install.toy()
    install_fifty(install)
    names, _ = modules(install, "config", "show", "--domain", "toy", "--json")
    assert "toy_plugin.entry" in names
    assert not any(name.startswith("other_") for name in names)


COUNTING = """
import runpy, sys
calls = 0

def count(frame, event, argument):
    global calls
    calls += event == "call"

sys.argv = [sys.argv[1], "--help"]
sys.setprofile(count)
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit:
    pass
sys.setprofile(None)
print(calls, file=sys.stderr)
"""


def calls(program, environment):
    """The number of Python functions that a program calls for its help: the same on any machine."""
    command = [sys.executable, "-c", COUNTING, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "Usage" in done.stdout
    return int(done.stderr.splitlines()[-1])


def test_help_calls_at_most_twice_as_much_as_a_bare_typer_program_with_fifty_commands(install, tmp_path):
    """Times are in the benchmark `startup`."""
    install_fifty(install)
    bare, ours = tmp_path / "bare.py", tmp_path / "ours.py"
    bare.write_text(
        "import typer\napp = typer.Typer(add_completion=False, rich_markup_mode=None)\n"
        "app.command('one')(lambda: None)\napp.command('two')(lambda: None)\napp()\n"
    )
    ours.write_text("from sma_core.cli import main\nmain()\n")
    environment = install.environment()
    assert calls(ours, environment) <= 2 * calls(bare, environment)
