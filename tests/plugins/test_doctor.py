"""The doctor and the facts of one plugin: whatever a plugin does, the report is whole."""

import json
import sys

import pytest

from sma_core.plugins.diagnosis.doctor import doctor

TASK = """
from sma_core.plugins import Task, hookimpl

@hookimpl
def sma_tasks():
    return [Task(name={name!r}, summary="How many vowels", dataset="words", targets=("vowels",),
                 kind="regression", metric="mae")]
"""


def diagnosed(seconds=60.0):
    return {each.name: each for each in doctor(seconds=seconds)}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("import sys\nsys.exit(0)", "SystemExit: 0"),
        ("import os\nos._exit(0)", "ended the process with status 0"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ended the process with status -11"),
        ("def again(): again()\nagain()", "RecursionError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("input()", "EOFError"),
        ("", "provides no domain of its name"),
    ],
)
def test_a_broken_plugin_is_shown_with_its_reason(install, source, said):
    install("sma-word", {"word": "other_word"}, {"other_word.py": f"print('noise')\n{source}\n"})
    found = diagnosed()["word"]
    assert (found.status, found.healthy) == ("broken", False)
    assert said in found.detail
    assert "pip uninstall sma-word" in found.advice
    assert len(found.traceback.splitlines()) <= 40
    assert "other_word" not in sys.modules


def test_a_traceback_begins_in_the_plugins_own_code(install):
    source = "from sma_core.plugins import hookimpl\n\n@hookimpl\ndef sma_domains():\n    1 / 0\n"
    install("sma-word", {"word": "other_word"}, {"other_word.py": source})
    first, second, *_ = diagnosed()["word"].traceback.splitlines()
    assert first == "Traceback (most recent call last):"
    assert second.endswith('other_word.py", line 5, in sma_domains')


def test_a_plugin_that_hangs_is_ended(install):
    install("sma-word", {"word": "other_word"}, {"other_word.py": "while True:\n    pass\n"})
    found = diagnosed(seconds=3.0)["word"]
    assert found.detail == "importing it took longer than 3 s and was stopped"
    assert "other_word.py" in found.traceback


def test_the_others_are_well_beside_a_broken_one(install, capsys):
    install.toy()
    install.extension(TASK.format(name="vowels"))
    install.extension("raise SystemExit", "bad")
    install("sma-word-x", {"word.x": "other_x"}, {"other_x.py": TASK.format(name="x")})
    found = diagnosed()
    assert {name: each.status for name, each in found.items()} == {
        "toy": "ok",
        "toy.extra": "ok",
        "toy.bad": "broken",
        "word.x": "ok",
    }
    assert found["word.x"].detail == "it adds to the domain 'word', which is not installed"
    assert capsys.readouterr() == ("", "")


def test_plugins_that_do_not_go_together_are_a_conflict(install):
    install.toy()
    install.extension(TASK.format(name="length"))
    found = diagnosed()["toy"]
    assert found.status == "conflict"
    assert "'length' is provided by both sma-toy 1.0 and sma-toy-extra 1.0" in found.detail


def test_other_states_are_said_without_an_import(install, monkeypatch):
    install("sma-word", {"word": "other_word"}, {"other_word.py": "raise SystemExit"})
    install("my-word", {"word": "other_word"}, {})
    install("sma-big", {"Big": "other_word"}, {})
    statuses = {(each.name, each.package): each.status for each in doctor()}
    assert statuses == {
        ("Big", "sma-big"): "invalid",
        ("word", "my-word"): "conflict",
        ("word", "sma-word"): "conflict",
    }
    monkeypatch.setenv("SMA_PLUGINS", "")
    assert {each.status for each in doctor()} == {"disabled", "invalid"}


@pytest.mark.parametrize(("version", "advice"), [("9.0", "--upgrade sma-core"), ("0.9", "--upgrade sma-toy")])
def test_a_plugin_for_another_contract_is_incompatible(install, version, advice):
    install.toy(('name="toy", summary', f'name="toy", api_version="{version}", summary'))
    found = diagnosed()["toy"]
    assert found.status == "incompatible"
    assert advice in found.detail


def test_the_program_leaves_with_one_and_shows_the_traceback(install, run_sma):
    install.toy()
    well = run_sma("plugins", "doctor")
    assert well.returncode == 0, well.stdout
    assert well.stdout.endswith("no problems found\n")
    install.extension("raise ValueError('no luck')", "bad")
    done = run_sma("plugins", "doctor")
    assert done.returncode == 1
    assert "1 of 2 plugins and commands must be fixed" in done.stdout
    assert "  | ValueError: no luck" in done.stdout
    assert "what to do: fix or reinstall it" in done.stdout
    listed = run_sma("plugins", "doctor", "--json")
    assert listed.returncode == 1
    assert [each["status"] for each in json.loads(listed.stdout)] == ["ok", "broken"]


def test_the_doctor_without_patients(install, run_sma):
    done = run_sma("plugins", "doctor")
    assert (done.returncode, done.stdout) == (0, "no plugin is installed\n")


def test_info_shows_what_a_plugin_gives_and_imports_no_other(install, run_sma):
    install.toy(version="1.4")
    install.extension("raise SystemExit('imported')", "bad")
    install("sma-word", {"word": "other_word"}, {"other_word.py": "raise SystemExit('imported')"})
    done = run_sma("plugins", "info", "toy")
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert ["package", "sma-toy 1.4"] in lines
    assert ["extensions", "toy.bad (sma-toy-bad 1.0)"] in lines
    assert "task      length  How long a word is" in done.stdout
    assert "bytes" not in done.stdout  # the core's own
    facts = json.loads(run_sma("plugins", "info", "toy", "--json").stdout)
    assert facts["path"].endswith("toy_plugin/entry.py")
    assert [part["kind"] for part in facts["parts"]] == ["domain", "data set", "data set", "task"]


def test_info_of_an_extension(install, run_sma):
    install.extension(TASK.format(name="vowels"))
    done = run_sma("plugins", "info", "toy.extra")
    assert done.returncode == 0, done.stderr
    assert "vowels" in done.stdout
    assert "plugin API" not in done.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tooy", "did you mean 'toy'"),
        ("toy.none", "there is no plugin 'toy.none'"),
        ("toy.bad", "RuntimeError: no luck; sma plugins doctor shows the traceback"),
        ("twice", "provided by both"),
    ],
)
def test_info_of_what_cannot_be_used_is_one_sentence(install, run_sma, name, said):
    install.toy()
    install.extension("raise RuntimeError('no luck')", "bad")
    install("sma-twice", {"twice": "other_twice"}, {})
    install("my-twice", {"twice": "other_twice"}, {})
    done = run_sma("plugins", "info", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
