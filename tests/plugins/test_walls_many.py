"""Fifty plugins installed: the program starts with the same imports as with none."""

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
        install(f"sma-{name}", {name: module}, {f"{module}.py": f"raise SystemExit({number})"})


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["--version"], ["plugins", "list", "--json"]]
)
def test_fifty_plugins_add_no_import(install, arguments):
    install("sma-one", {"one": "other_one"}, {"other_one.py": "raise SystemExit"})
    before, _ = modules(install, *arguments)
    install_fifty(install)
    after, output = modules(install, *arguments)
    assert after == before
    assert not after & set(HEAVY)
    assert not any(name.startswith(("other_", "sma_chem", "sma_protein", "sma_physics")) for name in after)
    if "list" in arguments:
        assert len([each for each in json.loads(output) if each["name"].startswith("many")]) == 50


def test_a_verb_imports_its_domain_and_none_of_fifty_others(install):
    install.toy()
    install_fifty(install)
    names, _ = modules(install, "config", "show", "--domain", "toy", "--json")
    assert "toy_plugin.entry" in names
    assert not any(name.startswith("other_") for name in names)
