"""Importing one domain's plugins: what is broken is left out or said, and the rest works."""

import logging
import sys

import pytest

from sma_core.errors import PluginError
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Task
from tests.support.extensions import TASK

BROKEN = {
    "ImportError": "import no_such_module_anywhere",
    "SyntaxError": "def (",
    "SystemExit": "import sys; sys.exit(0)",
    "RecursionError": "def again(): again()\nagain()",
    "PluginValidationError": TASK + "\n@hookimpl\ndef sma_foo():\n    return []\n",
}


def tasks(registry):
    return [task.name for task in registry.specs(Task)]


def test_only_the_domain_and_its_extensions_are_imported(install):
    install.toy()
    install.extension(TASK)
    install("sma-word", {"word": "other_word", "word.toy": "other_word"}, {"other_word.py": "raise SystemExit"})
    assert tasks(Registry.load("toy")) == ["length", "vowels"]
    assert "other_word" not in sys.modules


def test_an_extension_is_named_as_provider(install):
    install.toy()
    install.extension(TASK)
    registry = Registry.load("toy")
    assert registry.provider(registry.find(Task, "vowels")) == "sma-toy-extra 1.0"


def test_an_entry_point_may_name_an_object_in_a_module(install):
    start, hook = TASK.split("@hookimpl")
    indented = "\n    ".join(f"@hookimpl{hook}".replace("()", "(self)").splitlines())
    hooks = f"{start}\nclass Plugin:\n    {indented}\n"
    install.toy()
    install("sma-toy-extra", {"toy.extra": "toy_extra:plugin"}, {"toy_extra.py": f"{hooks}\nplugin = Plugin()\n"})
    assert "vowels" in tasks(Registry.load("toy"))


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_extension_is_left_out_with_one_line(install, caplog, capsys, kind):
    install.toy()
    install.extension(BROKEN[kind], "bad")
    install.extension(TASK)
    with caplog.at_level(logging.WARNING, "sma"):
        registry = Registry.load("toy")
    assert tasks(registry) == ["length", "vowels"]
    (record,) = caplog.records
    assert "plugin 'toy.bad' (sma-toy-bad 1.0) is skipped:" in record.message
    assert "\n" not in record.message
    said = {
        "ImportError": "ModuleNotFoundError",
        "PluginValidationError": "it has the hook sma_foo, which plugin API",
    }
    assert said.get(kind, kind) in record.message
    assert kind in registry.broken[0].traceback or "ModuleNotFoundError" in registry.broken[0].traceback
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", BROKEN)
def test_strictness_makes_a_broken_extension_an_error(install, monkeypatch, kind):
    monkeypatch.setenv("SMA_STRICT_PLUGINS", "1")
    install.toy()
    install.extension(BROKEN[kind], "bad")
    with pytest.raises(PluginError, match=r"'toy\.bad' \(sma-toy-bad 1\.0\) cannot be used"):
        Registry.load("toy")


def test_what_a_plugin_prints_does_not_reach_standard_output(install, capsys):
    install.toy(("def sma_tasks():", "def sma_tasks():\n    print('called')"))
    install.extension(f"print('imported')\n{TASK}")
    install.extension("print('about to fail')\n1 / 0", "bad")
    Registry.load("toy")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert all(word in captured.err for word in ("called", "imported", "about to fail"))


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_domain_is_an_error_that_names_its_package(install, kind):
    install.toy(entry=BROKEN[kind])
    with pytest.raises(
        PluginError, match=r"^the plugin 'toy' \(sma-toy 1\.0\) cannot be used: .*reinstall"
    ) as error:
        Registry.load("toy")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return None", "sma_tasks must return a list of Task, not None"),
        ("return 'vowels'", "sma_tasks must return a list of Task, not 'vowels'"),
        ("return ['vowels']", "sma_tasks must return a list of Task"),
        ("raise ValueError('no luck')", "ValueError: no luck"),
        ("return [Task(name='Bad Name', summary='x', dataset='words', targets=('a',), kind='binary',"
         " metric='roc_auc')]", "'Bad Name' must be lower case letters, digits and hyphens"),
        ("return [Task(name='a', summary='', dataset='words', targets=('a',), kind='binary',"
         " metric='roc_auc')]", "needs a summary of one line"),
        ("return [Task(name='a', summary='x', dataset='words', targets=('letters'), kind='binary',"
         " metric='roc_auc')]", "targets must be a tuple"),
        ("return 2 * [Task(name='a', summary='x', dataset='words', targets=('a',), kind='binary',"
         " metric='roc_auc')]", "gives 'a' twice"),
    ],
)  # fmt: skip
def test_a_hook_that_answers_wrong_is_left_out_or_an_error(install, body, said):
    source = f"from sma_core.plugins import Task, hookimpl\n\n@hookimpl\ndef sma_tasks():\n    {body}\n"
    install.toy()
    install.extension(source)
    registry = Registry.load("toy")
    assert tasks(registry) == ["length"]
    (broken,) = registry.broken
    assert said in broken.reason
    assert "sma-toy-extra 1.0" in str(broken)
    with pytest.raises(PluginError, match=r"sma-toy-extra 1\.0"):
        Registry.load("toy", PluginPolicy(strict=True))


def test_a_wrong_answer_of_the_domain_itself_is_an_error(install):
    install.toy(("return [Task(", "return (Task("), ('metric="rmse")]', 'metric="rmse"))'))
    with pytest.raises(PluginError, match=r"'toy' \(sma-toy 1\.0\) cannot be used: its hook sma_tasks"):
        Registry.load("toy")


def test_a_plugin_refused_half_way_leaves_no_hooks_behind(install):
    install.toy()
    install.extension(f"{TASK}\n@hookimpl\ndef sma_tokenizers(surplus):\n    return []\n", "bad")
    assert tasks(Registry.load("toy")) == ["length"]


def test_two_entry_points_on_one_module_leave_the_domain_whole(install):
    install.toy()
    install("sma-toy-extra", {"toy.extra": "toy_plugin.entry"}, {})
    registry = Registry.load("toy")
    assert tasks(registry) == ["length"]
    assert "is the same object as that of the plugin" in registry.broken[0].reason


def test_an_extension_with_a_bad_name_is_left_out(install):
    install.toy()
    install("sma-toy-extra", {"toy.Extra": "toy_extra"}, {"toy_extra.py": TASK})
    registry = Registry.load("toy")
    assert tasks(registry) == ["length"]
    assert "must be named" in registry.broken[0].reason


def test_a_domain_with_a_bad_name_is_an_error_and_not_imported(install):
    install("sma-toy", {"Toy": "toy_bomb"}, {"toy_bomb.py": "raise RuntimeError('imported')"})
    with pytest.raises(PluginError, match=r"'Toy' \(sma-toy 1\.0\) cannot be used: .*must be named"):
        Registry.load("Toy")


def test_a_conflict_is_an_error_that_names_both_packages(install):
    install.toy()
    install("other-toy", {"toy": "other_toy"}, {"other_toy.py": ""})
    with pytest.raises(PluginError, match="both other-toy and sma-toy; uninstall one"):
        Registry.load("toy")


@pytest.mark.parametrize("policy", [PluginPolicy(frozenset()), PluginPolicy(frozenset({"word"}))])
def test_a_domain_that_is_switched_off_says_how(install, policy):
    install.toy()
    with pytest.raises(PluginError, match=r"'toy' \(sma-toy\) is disabled by SMA_PLUGINS or --no-plugins"):
        Registry.load("toy", policy)


def test_an_unknown_domain_names_a_near_one(install):
    install.toy()
    with pytest.raises(PluginError, match="'tooy'; did you mean 'toy'"):
        Registry.load("tooy")
    with pytest.raises(PluginError, match=r"installed: toy.*pip install sma-music"):
        Registry.load("music")
    with pytest.raises(
        PluginError, match=r"'\./toy' is neither a domain nor a Python file ending in \.py; .*pip install -e"
    ):
        Registry.load("./toy")


def test_an_unknown_domain_with_none_installed(install):
    with pytest.raises(PluginError, match=r"'toy' \(no plugin is installed\).*pip install sma-toy"):
        Registry.load("toy")
