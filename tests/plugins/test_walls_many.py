"""Fifty plugins and fifty commands installed: the program starts with the same imports as with none."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "pyarrow", "rdkit", "scipy", "sklearn", "pandas")
CODE = (
    "import sys\nfrom sma_core.cli.app import main\n"
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


def cpu_seconds(arguments, environment):
    """The least processor time of several runs of Python, so that other processes do not count."""
    code = "import os, subprocess, sys\nsubprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)\n"
    code += "used = os.times()\nprint(used.children_user + used.children_system)"
    command = [sys.executable, "-c", code, sys.executable, *arguments]
    runs = (subprocess.run(command, capture_output=True, text=True, check=True, env=environment) for _ in range(5))
    return min(float(done.stdout) for done in runs)


def test_help_takes_at_most_twice_a_bare_typer_program_with_fifty_commands(install, tmp_path):
    install_fifty(install)
    bare = tmp_path / "bare.py"
    bare.write_text(
        "import typer\napp = typer.Typer(add_completion=False, rich_markup_mode=None)\n"
        "app.command('one')(lambda: None)\napp.command('two')(lambda: None)\napp()\n"
    )
    environment = install.environment()
    ours = cpu_seconds(["-m", "sma_core", "--help"], environment)
    assert ours <= 2 * cpu_seconds([str(bare), "--help"], environment)
