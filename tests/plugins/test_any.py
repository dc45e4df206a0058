"""Plugins that add to every domain: the entry point ``any.NAME``."""

import logging
import sys

import pytest

from sma_core.errors import PluginError
from sma_core.plugins.diagnosis.doctor import doctor
from sma_core.plugins.discovery import installed_plugins
from sma_core.plugins.domain_file import named
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Domain, Head

HEAD = """
from sma_core.plugins import Head, hookimpl

@hookimpl
def sma_heads():
    return [Head(name={name!r}, summary="A head for all.", factory="sma_core.nn.heads:MeanHead")]
"""
FILE = """
from sma_core.plugins import DataSet, Domain, hookimpl

@hookimpl
def sma_domains():
    return [Domain(name="idea", summary="Idea", tokenizer="bytes", reader="lines", dataset="mine")]

@hookimpl
def sma_datasets():
    return [DataSet(name="mine", summary="Mine", source="me", licence="CC0", file="mine.txt")]
"""


def install_general(install, name="heads", source=None, package=None):
    source = HEAD.format(name="all") if source is None else source
    module = f"other_{name}"
    return install(package or f"sma-{name}", {f"any.{name}": module}, {f"{module}.py": source})


def heads(registry):
    return {head.name for head in registry.specs(Head)}


def test_it_is_loaded_with_every_domain(install):
    install.toy()
    install_general(install)
    registry = Registry.load("toy")
    assert "all" in heads(registry)
    assert registry.provider(registry.find(Head, "all")) == "sma-heads 1.0"
    assert list(registry.packages) == ["core", "toy", "any.heads"]


def test_it_is_loaded_with_the_domain_of_a_file(install, tmp_path, monkeypatch, caplog):
    install_general(install)
    install_general(install, "broken", "1 / 0")
    (tmp_path / "other_idea.py").write_text(FILE)
    monkeypatch.setattr("sys.path", list(sys.path))
    path, policy = named(str(tmp_path / "other_idea.py"))
    with caplog.at_level(logging.WARNING, "sma"):
        assert "all" in heads(Registry.load(path, policy))
    assert "plugin 'any.broken' (sma-broken 1.0) is skipped: ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("source", ["1 / 0", HEAD.format(name="Bad Name"), "def sma_heads(surplus): pass"])
def test_a_broken_one_is_a_warning_and_strictly_an_error(install, monkeypatch, caplog, source):
    install.toy()
    install_general(
        install,
        source=source.replace(
            "def sma_heads(s", "from sma_core.plugins import hookimpl\n\n@hookimpl\ndef sma_heads(s"
        ),
    )
    with caplog.at_level(logging.WARNING, "sma"):
        assert heads(Registry.load("toy")) == {"decoder", "mean", "multi-query", "position"}
    assert "plugin 'any.heads' (sma-heads 1.0) is skipped:" in caplog.text
    monkeypatch.setenv("SMA_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match=r"'any\.heads' \(sma-heads 1\.0\) cannot be used"):
        Registry.load("toy")


def test_two_of_one_name_or_with_one_part_name_both_packages(install):
    install.toy()
    install_general(install)
    place = install_general(install, package="my-heads")
    with pytest.raises(PluginError, match=r"'any\.heads' is provided by both my-heads and sma-heads"):
        Registry.load("toy")
    install.remove(place)
    install_general(install, "more")
    with pytest.raises(PluginError, match=r"head 'all' is provided by both sma-heads 1\.0 and sma-more 1\.0"):
        Registry.load("toy")


def test_no_domain_can_have_the_name(install, run_sma, tmp_path):
    install("sma-any", {"any": "other_any"}, {"other_any.py": ""})
    (plugin,) = installed_plugins()
    assert (plugin.status, "reserved" in plugin.detail) == ("invalid", True)
    install.keep("sma-kit")
    for command in (["config", "show", "--domain", "any"], ["plugins", "new", "any", "--kind", "discrete"]):
        done = run_sma(*command)
        assert done.returncode == 2
        assert "'any' is reserved for plugins that add to every domain (any.NAME)" in done.stderr
    with pytest.raises(ValueError, match="cannot be named 'any'"):
        Domain(name="any", summary="Any", tokenizer="bytes", reader="lines", dataset="x")


@pytest.mark.parametrize(("allowed", "there"), [("toy", False), ("toy,any", True), ("toy,any.heads", True)])
def test_the_allow_list_names_it(install, monkeypatch, allowed, there):
    install.toy()
    install_general(install)
    monkeypatch.setenv("SMA_PLUGINS", allowed)
    assert ("all" in heads(Registry.load("toy"))) is there
    monkeypatch.setenv("SMA_PLUGINS", "sma-toy,sma-heads")
    assert "all" in heads(Registry.load("toy"))


@pytest.mark.full
def test_list_info_and_check_understand_it(install, run_sma):
    install.toy()
    install_general(install)
    assert "to every domain: A package for a test." in run_sma("plugins", "list").stdout
    assert "any.heads (sma-heads 1.0)" in run_sma("plugins", "info", "toy").stdout
    info = run_sma("plugins", "info", "any.heads")
    assert info.returncode == 0, info.stderr
    assert "A head for all." in info.stdout
    install.keep("sma-kit")
    assert "pass  heads learn" in run_sma("plugins", "check", "any.heads").stdout


def test_the_doctor_tries_it_alone_and_with_each_domain(install):
    install_general(install)
    (alone,) = doctor()
    assert (alone.status, alone.detail) == ("ok", "it adds to every domain, but none is installed")
    install.toy()
    place = install_general(install, "mean", HEAD.format(name="length").replace("sma_heads", "sma_tasks"))
    assert {each.name: each.status for each in doctor()} == {"any.heads": "ok", "any.mean": "broken", "toy": "ok"}
    install.remove(place)
    install_general(install, "again")
    found = {each.name: each for each in doctor()}
    assert found["toy"].status == "conflict"
    assert "head 'all' is provided by both sma-again 1.0 and sma-heads 1.0" in found["toy"].detail
