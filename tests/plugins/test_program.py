"""The program with plugins: what it lists, and what it never imports."""

import json
import subprocess
import sys

import pytest

from sma_core.cli import main

HEAVY = ("torch", "numpy", "pyarrow", "rdkit", "scipy", "sklearn", "pandas")
BOMB = {"toy_bomb.py": "raise KeyboardInterrupt('imported')"}


def program(capsys, *arguments):
    """Run the program; give exit status, output, errors."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    captured = capsys.readouterr()
    return left.value.code or 0, captured.out, captured.err


def imported(installer, *arguments):
    """The modules of interest that another process has after running the program, and its output."""
    code = (
        "import sys\nfrom sma_core.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as left:\n    assert not left.code, left.code\n"
        f"print([name for name in {(*HEAVY, 'toy_plugin', 'toy_bomb')} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=installer.environment(),
    )
    return done.stderr.strip().splitlines()[-1], done.stdout


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["plugins", "list"], ["plugins", "list", "--json"]]
)
def test_help_and_list_import_nothing_heavy_and_no_plugin(install, arguments):
    install.toy()
    install("sma-bomb", {"bomb": "toy_bomb", "toy.bomb": "toy_bomb"}, BOMB)
    names, output = imported(install, *arguments)
    assert names == "[]"
    assert output
    assert ("sma-bomb" in output) == ("list" in arguments)


def test_list_of_none_says_how_to_get_one(install, capsys):
    status, output, _ = program(capsys, "plugins", "list")
    assert status == 0
    assert "No domain is installed" in output
    assert program(capsys, "plugins", "list", "--json")[1].strip() == "[]"


def test_list_of_one(install, capsys):
    install.toy(version="1.4", facts=["Keywords: sma-plugin,sma-api-1.0"])
    _, output, errors = program(capsys, "plugins", "list")
    header, line = output.splitlines()
    assert header.split() == ["NAME", "PACKAGE", "VERSION", "API", "STATUS", "ADDS"]
    said = ["toy", "sma-toy", "1.4", "1.0", "installed", "a domain: Words of a toy language."]
    assert line.split(maxsplit=5) == said
    assert errors == ""


def test_list_as_json_has_every_fact(install, capsys):
    install.toy()
    install("sma-bomb", {"toy.bomb": "toy_bomb", "Bad": "toy_bomb"}, BOMB)
    listed = {plugin["name"]: plugin for plugin in json.loads(program(capsys, "plugins", "list", "--json")[1])}
    assert {name: plugin["status"] for name, plugin in listed.items()} == {
        "toy": "installed",
        "toy.bomb": "installed",
        "Bad": "invalid",
    }
    assert listed["toy.bomb"] | {"summary": "", "detail": ""} == {
        "name": "toy.bomb",
        "package": "sma-bomb",
        "version": "1.0",
        "summary": "",
        "module": "toy_bomb",
        "status": "installed",
        "detail": "",
        "api": "",
    }
    assert "toy_bomb" not in sys.modules


def test_no_plugins_switches_all_off(install, capsys):
    install.toy()
    _, output, _ = program(capsys, "--no-plugins", "plugins", "list")
    assert "disabled  disabled by SMA_PLUGINS or --no-plugins" in output
    status, output, errors = program(capsys, "--no-plugins", "config", "show", "--domain", "toy")
    assert (status, output) == (2, "")
    assert errors.startswith("error: the plugin 'toy' (sma-toy) is disabled")


def test_a_broken_extension_leaves_json_output_whole(install, capsys):
    install.toy()
    install.extension("print('noise')\nimport no_such_module_anywhere", "bad")
    status, output, _ = program(capsys, "config", "show", "--domain", "toy", "--json")
    assert status == 0
    assert json.loads(output)["training.steps"] == {"value": 10, "from": "recipe tiny"}


def test_a_broken_domain_is_one_sentence_and_exit_status_two(install, capsys):
    install.toy(entry="import no_such_module_anywhere")
    status, output, errors = program(capsys, "config", "show", "--domain", "toy")
    assert (status, output) == (2, "")
    assert errors.startswith("error: the plugin 'toy' (sma-toy 1.0) cannot be used: ModuleNotFoundError")
    assert len(errors.strip().splitlines()) == 1
    assert "Traceback" in program(capsys, "config", "show", "--domain", "toy", "--debug")[2]
