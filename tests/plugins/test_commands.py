"""Commands of packages: listed from metadata, imported when called, and never able to break the program."""

import json
import sys
import zipfile
from importlib.metadata import distributions

import pytest

from sma_core.cli.program.app import COMMANDS, Program
from sma_core.cli.program.commands import COMES_WITH
from sma_core.plugins.commands.command_list import (
    InstalledCommand,
    command_from,
    core_commands,
    installed_commands,
)
from sma_core.plugins.commands.command_loading import build_command
from sma_core.plugins.discovery import PluginPolicy

FUNCTION = """
from typing import Annotated
import typer
from sma_core.cli.options import Debug
from sma_core.errors import UserError

print("noise of the import")

def count(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="A file.")],
    least: Annotated[int, typer.Option("--least", help="Least length.")] = 1,
    debug: Debug = False,
) -> None:
    "Count the long rows of a file."
    if file == "missing":
        raise UserError("there is no file missing")
    typer.echo(f"counted {file} from {least}, {sorted(context.obj.allowed or ())}")
"""
TYPER = """
import typer

app = typer.Typer(help="Tools of the author.")

@app.command("sum")
def sum_():
    "Add numbers."
    typer.echo("summed")

@app.command("mean")
def mean():
    "Average numbers."
    typer.echo("averaged")
"""
BOMB = "raise SystemExit('imported')"


def install_count(install, name="sma-count", source=FUNCTION, words="count", module="other_count", **options):
    commands = {f"{words}: Count long rows.": f"{module}:count"}
    return install(name, {}, {f"{module}.py": source}, commands=commands, **options)


def statuses(**options):
    return {(command.line, command.package): command.status for command in installed_commands(**options)}


def test_words_help_package_and_version_are_known_without_an_import(install):
    commands = {
        "count: Count rows (all, or some).": "other_count:count",
        "data sum: It's a sum.": "other_count:app",
    }
    install("sma-count", {}, {"other_count.py": BOMB}, "2.1", facts=["Keywords: sma-api-1.2"], commands=commands)
    first, second = installed_commands()
    assert first == InstalledCommand(
        ("count",), "Count rows (all, or some).", "sma-count", "2.1", "other_count:count", api="1.2"
    )
    assert (second.words, second.line, second.help) == (("data", "sum"), "sma data sum", "It's a sum.")
    assert "other_count" not in sys.modules


@pytest.mark.parametrize(
    "name", ["count", "Count: Rows.", "count:Rows.", "count: ", "count  rows: Rows.", "-x: Y."]
)
def test_a_name_of_another_form_is_invalid(name):
    command = command_from(name, "other:count")
    assert (command.status, command.words) == ("invalid", (name,))
    assert "'WORDS: HELP'" in command.detail


@pytest.mark.parametrize(
    ("allowed", "usable"),
    [
        (None, {"count", "sum"}),
        ("", set()),
        ("count", {"count"}),
        ("sma-tools", {"sum"}),
        ("SMA_Tools,count", {"count", "sum"}),
        ("chem", set()),
    ],
)
def test_the_environment_allows_first_words_and_packages(install, monkeypatch, allowed, usable):
    install_count(install)
    install("sma-tools", {}, {}, commands={"sum: Add.": "other_tools:app"})
    if allowed is not None:
        monkeypatch.setenv("SMA_PLUGINS", allowed)
    found = {command.words[0] for command in installed_commands() if command.status == "installed"}
    assert found == usable


def test_an_allowed_package_is_not_in_conflict_with_one_that_is_switched_off(install):
    install_count(install)
    install_count(install, "other-count")
    both = {("sma count", "sma-count"): "conflict", ("sma count", "other-count"): "conflict"}
    assert statuses() == both
    policy = PluginPolicy(frozenset({"sma-count"}))
    assert statuses(policy=policy) == {
        ("sma count", "sma-count"): "installed",
        ("sma count", "other-count"): "disabled",
    }


def test_a_command_runs_with_options_of_the_core_and_prints_nothing_while_imported(install, run_sma):
    install_count(install)
    done = run_sma("count", "rows.txt", "--least", "3")
    assert (done.returncode, done.stdout) == (0, "counted rows.txt from 3, []\n")
    assert "noise of the import" in done.stderr
    failed = run_sma("count", "missing")
    assert (failed.returncode, failed.stderr) == (2, "error: there is no file missing\n")


def test_help_lists_plugin_commands_and_shows_one(install, run_sma):
    install_count(install)
    listed = run_sma("--help")
    assert listed.returncode == 0
    section = listed.stdout.partition("Commands of plugins:")[2].split(maxsplit=1)
    assert section == ["count", "Count long rows.\n"]
    assert "other_count" not in sys.modules
    shown = run_sma("count", "--help").stdout
    assert "Count the long rows of a file." in shown
    assert "--least" in shown


def test_a_typer_becomes_a_group_and_other_packages_add_to_it(install, run_sma):
    install("sma-tools", {}, {"other_tools.py": TYPER}, commands={"tools: Tools for rows.": "other_tools:app"})
    assert run_sma("tools", "sum").stdout == "summed\n"
    install_count(install, words="tools count")
    assert run_sma("tools", "count", "x").stdout.startswith("counted x")
    assert run_sma("tools", "mean").stdout == "averaged\n"
    shown = run_sma("tools", "--help").stdout
    assert all(word in shown for word in ("Tools for rows.", "sum", "Add numbers.", "mean", "Count long rows."))
    assert "Tools for rows." in run_sma("--help").stdout


def test_a_single_command_that_others_add_to_is_one_sentence(install, run_sma):
    install_count(install)
    install_count(install, "sma-more", words="count more", module="other_more")
    done = run_sma("count", "rows.txt")
    assert done.returncode == 2
    assert "'sma count' is a single command of sma-count 1.0, but other packages add commands" in done.stderr
    assert run_sma("count", "more", "x").stdout.startswith("counted x")


def test_a_group_without_help_of_its_own_names_its_packages(install, run_sma):
    install_count(install, words="rows count")
    assert "Commands of sma-count." in run_sma("rows", "--help").stdout
    assert "Did you mean 'count'?" in run_sma("rows", "cuont").stderr


def test_a_package_adds_to_a_group_of_the_core(install, run_sma):
    install_count(install, words="config count")
    assert run_sma("config", "count", "x").stdout.startswith("counted x")
    shown = run_sma("config", "--help").stdout
    assert "Print every setting" in shown
    assert "Count long rows." in shown
    assert "Show and describe settings." in run_sma("--help").stdout


def test_a_command_of_two_packages_names_both_and_help_works(install, run_sma):
    install_count(install)
    install_count(install, "other-count")
    done = run_sma("count", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the command 'sma count' is provided by both other-count 1.0 and sma-count 1.0; uninstall one of "
        "them\n"
    )
    listed = run_sma("--help")
    assert listed.returncode == 0
    assert "count  (conflict: provided by both other-count 1.0 and sma-count 1.0)" in " ".join(
        listed.stdout.split("\n")
    )


@pytest.mark.parametrize("words", ["train", "config show", "train more"])
def test_the_commands_of_the_core_cannot_be_replaced(install, run_sma, words, monkeypatch, caplog):
    install_count(install, words=words)
    own = " ".join(words.split()[: 1 if "train" in words else 2])
    said = f"the command 'sma {words}' of sma-count 1.0 is ignored: 'sma {own}' is a command of sma-core"
    done = run_sma(*own.split(), "--help")
    assert "--domain" in done.stdout
    assert said in caplog.text
    caplog.clear()
    listed = run_sma("--help")
    assert said in caplog.text
    assert "Count long rows" not in listed.stdout
    assert "other_count" not in sys.modules
    if words == own:
        monkeypatch.setenv("SMA_STRICT_PLUGINS", "1")
        refused = run_sma(*own.split(), "--help")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith(f"error: {said}")


@pytest.mark.parametrize("strict", ["0", "1"])
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("def (", "SyntaxError"),
        (BOMB, "SystemExit: imported"),
        ("", "AttributeError: module 'other_count' has no attribute 'count'"),
        ("count = 3", "'other_count:count' is of the type int; it must be a function with typer annotations"),
        ("class count: pass", "is the class count; it must be a function"),
        ("def count(x: 'Nowhere'): pass", "NameError: name 'Nowhere' is not defined"),
        ("class Stopped(BaseException): pass\nraise Stopped('no luck')", "Stopped: no luck"),
    ],
)
def test_a_broken_command_is_one_sentence_and_the_rest_works(install, run_sma, monkeypatch, strict, source, said):
    monkeypatch.setenv("SMA_STRICT_PLUGINS", strict)
    install_count(install, source=source)
    done = run_sma("count")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: the command 'sma count' (sma-count 1.0) cannot be used: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    install.forget()
    assert "Traceback" in run_sma("count", "--debug").stderr
    assert "Count long rows." in run_sma("--help").stdout
    assert run_sma("config", "--help").returncode == 0


def test_ctrl_c_while_a_command_is_imported_stops_the_program(install, run_sma):
    install_count(install, source="raise KeyboardInterrupt")
    assert run_sma("count").returncode == 130


def test_a_missing_requirement_is_named(install, run_sma):
    install_count(install, source="import nosuchthing", facts=["Requires-Dist: no-such-thing>=2"])
    assert "sma-count requires no-such-thing>=2: pip install 'no-such-thing>=2'" in run_sma("count").stderr


def test_a_reference_of_another_form_is_one_sentence(install, run_sma):
    install("sma-count", {}, {"other_count.py": FUNCTION}, commands={"count: Count.": "other_count"})
    assert "it must look like 'package.module:function'" in run_sma("count").stderr


def test_the_declared_version_of_the_contract_counts(install, run_sma, monkeypatch, caplog):
    install_count(install, facts=["Keywords: sma-api-9.0"])
    done = run_sma("count", "x")
    assert done.returncode == 2
    assert "sma-count 1.0 was made for plugin API 9.0" in done.stderr
    assert "cannot be used: made for plugin API 9.0" in " ".join(run_sma("--help").stdout.split())
    install_count(install, "sma-new", words="new", module="other_new", facts=["Keywords: sma-api-1.99"])
    used = run_sma("new", "x")
    assert used.returncode == 0
    assert "sma-new 1.0 was made for plugin API 1.99" in caplog.text
    monkeypatch.setenv("SMA_STRICT_PLUGINS", "1")
    assert run_sma("new", "x").returncode == 2


def test_no_plugins_switches_commands_off(install, run_sma, monkeypatch):
    install_count(install, words="rows count")
    for words in (["rows", "count"], ["rows"]):
        done = run_sma("--no-plugins", *words)
        assert done.returncode == 2
        assert "(sma-count) is disabled by SMA_PLUGINS or --no-plugins" in done.stderr
    assert "Commands of plugins" in run_sma("--help").stdout
    assert "Commands of plugins" not in run_sma("--no-plugins", "--help").stdout
    monkeypatch.setenv("SMA_PLUGINS", "rows")
    assert run_sma("rows", "count", "x").stdout == "counted x from 1, ['rows']\n"


def test_a_command_that_is_not_installed_names_its_package(install, run_sma, monkeypatch):
    done = run_sma("report")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: sma report is in the package sma-view: pip install sma-view (in a checkout: "
        "pip install ./plugins/sma-view)\n"
    )
    monkeypatch.setattr(Program, "core", tuple(c for c in Program.core if c.words[:2] != ("plugins", "new")))
    assert "sma plugins new is in the package sma-kit" in run_sma("plugins", "new").stderr
    install("sma-view", {}, {}, commands={"other: Else.": "other_view:run"})
    assert "No such command 'report'" in run_sma("report").stderr
    assert "Did you mean 'train'?" in run_sma("trian").stderr
    assert set(COMES_WITH.values()) == {"sma-view", "sma-bench", "sma-authors", "sma-export", "sma-kit"}


def test_list_shows_commands_in_a_table_of_their_own(install, run_sma):
    install.toy()
    install_count(install)
    _, *lines = run_sma("plugins", "list").stdout.split("\n\n")
    assert [line.split(maxsplit=5) for line in lines[0].splitlines()] == [
        ["COMMAND", "PACKAGE", "VERSION", "STATUS"],
        ["sma", "count", "sma-count", "1.0", "installed", "Count long rows."],
    ]
    assert [each["name"] for each in json.loads(run_sma("plugins", "list", "--json").stdout)] == ["toy"]
    (command,) = json.loads(run_sma("plugins", "list", "--commands", "--json").stdout)
    assert (command["words"], command["status"], command["package"]) == (["count"], "installed", "sma-count")
    assert "other_count" not in sys.modules


def test_check_and_doctor_import_commands_in_processes_of_their_own(install, run_sma):
    install_count(install)
    well = run_sma("plugins", "doctor")
    assert (well.returncode, well.stdout.splitlines()[-1]) == (0, "no problems found")
    install_count(install, "sma-bad", "import os\nos._exit(3)", "bad", "other_bad")
    done = run_sma("plugins", "doctor", "--json")
    assert done.returncode == 1
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert {name: each["status"] for name, each in found.items()} == {"sma bad": "broken", "sma count": "ok"}
    assert "ended the process with status 3" in found["sma bad"]["detail"]
    assert {each["kind"] for each in found.values()} == {"command"}
    checked = run_sma("plugins", "list", "--check", "--commands").stdout.splitlines()
    assert [line.split()[1] for line in checked[1:]] == ["bad", "count"]
    assert "other_count" not in sys.modules


def test_the_core_declares_its_commands_as_packages_do():
    for command in core_commands(COMMANDS):
        assert command.status == "installed", command.detail
        assert len(command.help) <= 66, f"{command.line}: shorten the help to fit in a terminal"
        assert command.help.endswith(".")
        assert build_command(command).name == command.words[-1]


@pytest.mark.parametrize("backend", ["hatchling.build", "setuptools.build_meta"])
def test_build_back_ends_keep_the_names_of_entry_points(tmp_path, monkeypatch, backend):
    module = pytest.importorskip(backend)
    name = 'data sum: It\'s a sum (all rows), 50 %; #1, "quoted".'
    project = f"""
[build-system]
requires = []
build-backend = "{backend}"
[project]
name = "tiny"
version = "1.0"
[project.entry-points."sma.commands"]
{json.dumps(name)} = "tiny:run"
"""
    (tmp_path / "pyproject.toml").write_text(project)
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "__init__.py").write_text("def run(): pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["build"])
    wheel = module.build_wheel(str(tmp_path))
    with zipfile.ZipFile(tmp_path / wheel) as archive:
        archive.extractall(tmp_path / "site")
    (command,) = installed_commands(PluginPolicy(), distributions=distributions(path=[str(tmp_path / "site")]))
    assert (command.line, command.help, command.status) == ("sma data sum", name.partition(": ")[2], "installed")


def test_a_broken_command_is_left_out_of_what_a_shell_completes(install, run_sma, monkeypatch):
    install("sma-good", {}, {"good_module.py": FUNCTION}, commands={"good: Do it.": "good_module:count"})
    install("sma-bad", {}, {"bad_module.py": "1 / 0"}, commands={"bad: Do it.": "bad_module:run"})
    for name, value in {"_SMA_COMPLETE": "complete_bash", "COMP_WORDS": "sma ", "COMP_CWORD": "1"}.items():
        monkeypatch.setenv(name, value)
    done = run_sma()
    offered = done.stdout.split()
    assert "good" in offered
    assert "train" in offered
    assert "bad" not in offered


def test_the_version_names_packages_of_plugins_and_commands(install, run_sma):
    install.toy(version="2.5")
    install("sma-good", {}, {"good_module.py": FUNCTION}, commands={"good: Do it.": "good_module:count"})
    lines = run_sma("--version").stdout.splitlines()
    assert lines[0].startswith("sma-core ")
    assert "sma-toy 2.5" in lines
    assert any(line.startswith("sma-good ") for line in lines)
    assert len(run_sma("--no-plugins", "--version").stdout.splitlines()) == 1
