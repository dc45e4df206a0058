"""What importing a plugin can do to the program: nothing but a sentence, and the rest goes on."""

import contextlib
import json
import logging
import sys

import pytest

from sma_core.errors import PluginError
from sma_core.plugins.imports import output_to_stderr, resolve
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Task
from tests.support.extensions import TASK
from tests.support.processes import python, sma

LOUD = "import os, warnings\nprint('python')\nos.write(1, b'descriptor')\nwarnings.warn('be warned')\n"
OUTSIDE_EXCEPTION = {
    "Stopped": "class Stopped(BaseException): pass\nraise Stopped('no luck')",
    "GeneratorExit": "raise GeneratorExit('no luck')",
    "Skipped": "import pytest\npytest.skip('no luck', allow_module_level=True)",
}


@pytest.mark.parametrize("name", OUTSIDE_EXCEPTION)
def test_what_is_no_exception_is_walled_in_too(install, caplog, name):
    install.toy()
    install.extension(OUTSIDE_EXCEPTION[name], "bad")
    with caplog.at_level(logging.WARNING, "sma"):
        registry = Registry.load("toy")
    assert [task.name for task in registry.specs(Task)] == ["length"]
    (record,) = caplog.records
    assert record.message.startswith("plugin 'toy.bad' (sma-toy-bad 1.0) is skipped: ")
    assert name in record.message
    assert "no luck" in record.message


def test_a_hook_that_raises_what_is_no_exception_is_walled_in(install):
    install.toy()
    install.extension(TASK.replace("return [", "raise GeneratorExit\n    return ["))
    registry = Registry.load("toy")
    assert registry.broken[0].reason == "GeneratorExit"


def test_ctrl_c_while_a_plugin_is_imported_stops_the_program(install, run_sma):
    install.toy()
    install.extension("raise KeyboardInterrupt", "bad")
    done = run_sma("config", "show", "--domain", "toy")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "stopped immediately; everything saved before is intact\n"


@pytest.mark.parametrize("inside", ["entry", "hook"])
def test_json_is_whole_whatever_a_plugin_prints(install, inside):
    install.toy()
    if inside == "entry":
        install.extension(f"{LOUD}{TASK}")
    else:
        install.extension(
            TASK.replace("    return", "".join(f"    {line}\n" for line in LOUD.splitlines()) + "    return")
        )
    done = sma("config", "show", "--domain", "toy", "--json", env=install.environment())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["training.steps"]["value"] == 10
    assert all(word in done.stderr for word in ("python", "descriptor", "be warned"))


def test_output_goes_on_where_it_went_before(capfd):
    with contextlib.suppress(ZeroDivisionError), output_to_stderr():
        print("aside")
        raise ZeroDivisionError
    print("here")
    assert capfd.readouterr() == ("here\n", "aside\n")


def test_a_process_without_standard_output_can_load_plugins(install):
    install.toy()
    code = "import os\nos.close(1)\nfrom sma_core.plugins.registry import Registry\nRegistry.load('toy')"
    done = python("-c", code, env=install.environment())
    assert done.returncode == 0, done.stderr


def test_warnings_made_errors_break_one_extension_only(install):
    install.toy()
    install.extension(f"{LOUD}{TASK}", "bad")
    show = ["config", "show", "--domain", "toy"]
    done = python("-W", "error:be warned", "-m", "sma_core", *show, env=install.environment())
    assert done.returncode == 0, done.stderr
    assert "'toy.bad' (sma-toy-bad 1.0) is skipped: UserWarning: be warned" in done.stderr


def test_a_missing_dependency_is_named_as_the_package_requires_it(install):
    needs = [
        "Requires-Dist: numpy>=1",
        "Requires-Dist: no-such-thing >=2.0",
        "Requires-Dist: pytest; extra == 'x'",
    ]
    install.toy(entry="import nosuchthing", facts=needs)
    with pytest.raises(PluginError) as error:
        Registry.load("toy")
    said = "No module named 'nosuchthing'; sma-toy requires no-such-thing>=2.0: pip install 'no-such-thing>=2.0';"
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nosuchthing.part", "; install the package that has this module: pip install nosuchthing, if"),
        ("import toy_plugin.gone", "No module named 'toy_plugin.gone'; fix or reinstall that package"),
        ("import json.gone", "No module named 'json.gone'; fix or reinstall that package"),
    ],
)
def test_a_missing_module_says_what_to_install_or_nothing(install, source, said):
    install.toy(entry=source)
    with pytest.raises(PluginError) as error:
        Registry.load("toy")
    assert said in str(error.value)


def test_a_missing_dependency_of_a_part_is_said_when_it_is_used(install):
    install("other", {}, {"other_part.py": "import nosuchthing"})
    with pytest.raises(
        PluginError, match="No module named 'nosuchthing'; install the package that has this module"
    ):
        resolve("other_part:x", "the reader 'x'")


def test_a_missing_dependency_in_a_hook_of_an_extension_is_named(install):
    install.toy()
    install.extension(
        TASK.replace("return [", "import nosuchthing\n    return ["), facts=["Requires-Dist: no-such"]
    )
    registry = Registry.load("toy")
    assert "sma-toy-extra requires no-such: pip install no-such" in registry.broken[0].reason


def test_two_extensions_with_one_task_are_one_sentence_that_names_both(install, run_sma):
    install.toy()
    install.extension(TASK, "one")
    install.extension(TASK, "two")
    done = run_sma("config", "show", "--domain", "toy")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the task 'vowels' is provided by both sma-toy-one 1.0 and sma-toy-two 1.0; uninstall one of them "
        "or rename it\n"
    )


@pytest.mark.parametrize("verb", [["info", "toy"], ["doctor"], ["list", "--check"]])
def test_what_looks_at_plugins_survives_one_that_ends_the_process(install, run_sma, verb):
    install.toy(entry="import os\nos.write(1, b'noise')\nos._exit(3)")
    done = run_sma("plugins", *verb)
    assert "importing it ended the process with status 3" in done.stdout + done.stderr
    assert "toy_plugin.entry" not in sys.modules


def test_recovery_commands_import_no_plugin(install, run_sma):
    install.toy(entry="raise KeyboardInterrupt")
    for arguments in (
        ["--help"],
        ["--version"],
        ["plugins", "list"],
        ["plugins", "--help"],
        ["plugins", "doctor"],
    ):
        done = run_sma(*arguments)
        assert done.returncode == (1 if "doctor" in arguments else 0), done.stderr
        assert done.stdout
    assert "toy_plugin" not in sys.modules
