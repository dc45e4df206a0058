"""Which plugins are installed, from metadata alone."""

import logging
import sys

import pytest

from sma_core.plugins.discovery import PluginPolicy, installed_plugins

BOMB = {"toy_bomb.py": "raise SystemExit('imported')"}


def by_name(policy=None):
    return {plugin.name: plugin for plugin in installed_plugins(policy)}


def test_a_plugin_is_listed_with_its_package_and_not_imported(install):
    install("sma-toy", {"toy": "toy_bomb"}, BOMB, version="2.3", summary="Toys.")
    (plugin,) = installed_plugins()
    assert (plugin.name, plugin.package, plugin.version, plugin.summary) == ("toy", "sma-toy", "2.3", "Toys.")
    assert (plugin.status, plugin.detail, plugin.domain) == ("installed", "", "toy")
    assert "toy_bomb" not in sys.modules


def test_nothing_installed_is_an_empty_list(install):
    assert installed_plugins() == []


def test_packages_without_plugins_are_not_listed(install):
    install("other", {}, {})
    assert installed_plugins() == []


@pytest.mark.parametrize(
    ("variable", "usable"),
    [
        (None, {"toy", "toy.extra", "word"}),
        ("toy", {"toy", "toy.extra"}),
        (" toy.extra , word,", {"toy.extra", "word"}),
        ("", set()),
    ],
)
def test_the_environment_lists_what_may_be_used(install, monkeypatch, variable, usable):
    install("sma-toy", {"toy": "toy_bomb", "toy.extra": "toy_bomb", "word": "toy_bomb"}, BOMB)
    if variable is not None:
        monkeypatch.setenv("SMA_PLUGINS", variable)
    statuses = {name: plugin.status for name, plugin in by_name().items()}
    assert statuses == {
        name: "installed" if name in usable else "disabled" for name in ("toy", "toy.extra", "word")
    }


@pytest.mark.parametrize(("value", "strict"), [("1", True), ("0", False), ("", False)])
def test_strictness_comes_from_the_environment(value, strict):
    assert PluginPolicy.from_environment({"SMA_STRICT_PLUGINS": value}).strict is strict


def test_one_name_in_two_packages_is_a_conflict_for_both(install):
    install("sma-toy", {"toy": "toy_bomb"}, BOMB)
    install("other-toy", {"toy": "toy_bomb"}, BOMB)
    install("sma-word", {"word": "toy_bomb"}, BOMB)
    first, second, third = installed_plugins()
    assert (first.package, first.status, second.package, second.status) == (
        "other-toy",
        "conflict",
        "sma-toy",
        "conflict",
    )
    assert "sma-toy" in first.detail
    assert "other-toy" in second.detail
    assert third.status == "installed"


def test_a_package_seen_twice_is_no_conflict_and_the_first_counts(install):
    install("sma-toy", {"toy": "toy_bomb"}, BOMB, version="1.0")
    install("sma_toy", {"toy": "toy_bomb"}, BOMB, version="1.1")
    (plugin,) = installed_plugins()
    assert (plugin.version, plugin.status) == ("1.0", "installed")


@pytest.mark.parametrize("name", ["Toy", "toy.a.b", "1toy", "toy_a", "toy.Extra"])
def test_a_name_that_is_no_domain_is_invalid(install, name):
    install("sma-toy", {name: "toy_bomb"}, BOMB)
    (plugin,) = installed_plugins()
    assert plugin.status == "invalid"
    assert "'domain.extension'" in plugin.detail


def test_damaged_metadata_stops_nobody(install, caplog):
    install("sma-toy", {"toy": "toy_bomb"}, BOMB)
    damaged = install("other", {"x": "y"}, {})
    (damaged / "other-1.0.dist-info/entry_points.txt").write_text("[sma.plugins]\nno equals sign\n")
    nameless = install("nameless", {"word": "toy_bomb"}, BOMB)
    (nameless / "nameless-1.0.dist-info/METADATA").unlink()
    with caplog.at_level(logging.WARNING):
        assert sorted(by_name()) == ["toy", "word"]
    assert "the entry points of the package other cannot be read" in caplog.text
    assert by_name()["word"].package == "unknown-package"
    assert isinstance(by_name()["word"].version, str)
