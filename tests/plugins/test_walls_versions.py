"""Versions of the contract, of packages, and what is deprecated."""

import logging
import re
import tomllib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pluggy
import pytest

from sma_core.errors import IncompatiblePluginError, PluginError
from sma_core.plugins import API_VERSION, Domain, PluginDeprecationWarning, Spec, Task
from sma_core.plugins.api_version import api_fit, declared_api, deprecated_field
from sma_core.plugins.discovery import PluginPolicy, installed_plugins
from sma_core.plugins.registry import Registry
from sma_kit.new_plugin import Kind, new_plugin
from tests.support.extensions import TASK

MAJOR, MINOR = (int(part) for part in API_VERSION.split("."))
NEWER, NEXT = f"{MAJOR}.{MINOR + 96}", f"{MAJOR + 1}.0"
BOMB = "raise RuntimeError('imported')"


def keyword(version):
    return [f"Keywords: sma-plugin,sma-api-{version}"]


@pytest.mark.parametrize(
    ("keywords", "api"),
    [
        (None, ""),
        ("", ""),
        ("molecules,sma-api-1.2", "1.2"),
        ("a sma-api-2.10 b", "2.10"),
        ("sma-api-1", ""),
        ("sma-api-1.2.3, my-sma-api-1.2", ""),
    ],
)
def test_a_keyword_declares_the_version(keywords, api):
    assert declared_api(keywords) == api


@pytest.mark.parametrize(
    ("version", "fit"),
    [("1.0", "fits"), (API_VERSION, "fits"), (NEWER, "newer"), (NEXT, "incompatible"), ("0.9", "incompatible")],
)
def test_minor_versions_are_numbers_and_the_major_one_decides(version, fit):
    assert api_fit(version) == fit


@pytest.mark.parametrize("version", ["1", "1.2.3", "x", " 1.0", "-"])
def test_what_is_no_version_is_refused(version):
    with pytest.raises(ValueError, match=version):
        api_fit(version)


def test_a_domain_of_a_future_contract_is_refused_before_it_is_imported(install):
    install.toy(entry=BOMB, facts=keyword(NEXT))
    (plugin,) = installed_plugins()
    assert (plugin.api, plugin.status) == (NEXT, "incompatible")
    with pytest.raises(
        IncompatiblePluginError, match=rf"^sma-toy 1\.0 was made for plugin API {NEXT}, .*sma-core$"
    ):
        Registry.load("toy")


def test_an_extension_of_a_future_contract_is_left_out_unimported(install, caplog):
    install.toy()
    install.extension(BOMB, facts=keyword(NEXT))
    with caplog.at_level(logging.WARNING, "sma"):
        registry = Registry.load("toy")
    assert registry.broken[0].reason.startswith(f"made for plugin API {NEXT}")
    assert "upgrade it with pip install --upgrade sma-core" in caplog.text
    with pytest.raises(PluginError, match=r"'toy\.extra' \(sma-toy-extra 1\.0\) cannot be used"):
        Registry.load("toy", PluginPolicy(strict=True))


@pytest.mark.parametrize("said_in", ["keyword", "domain", "both"])
def test_a_newer_minor_version_is_used_with_one_warning(install, caplog, said_in):
    change = [] if said_in == "keyword" else [('Domain(name="toy"', f'Domain(api_version="{NEWER}", name="toy"')]
    install.toy(*change, facts=[] if said_in == "domain" else keyword(NEWER))
    with caplog.at_level(logging.WARNING, "sma"):
        assert Registry.load("toy").find(Task, "length")
    (record,) = caplog.records
    assert record.message == (
        f"sma-toy 1.0 was made for plugin API {NEWER}, this sma-core has {API_VERSION}: its newer features "
        "are ignored; pip install --upgrade sma-core"
    )
    with pytest.raises(IncompatiblePluginError, match="upgrade sma-core"):
        Registry.load("toy", PluginPolicy(strict=True))


def test_a_hook_we_do_not_have_says_so(install):
    install.toy()
    install.extension(f"{TASK}\n@hookimpl\ndef sma_sounds():\n    return []\n")
    (broken,) = Registry.load("toy").broken
    assert broken.reason == (
        f"it has the hook sma_sounds, which plugin API {API_VERSION} does not have: fix the name, or if "
        "a newer sma-core has it, pip install --upgrade sma-core"
    )


def test_list_shows_versions_and_states_of_metadata_alone(install, run_sma):
    install.toy(entry=BOMB, facts=keyword("1.0"))
    install.extension(BOMB, facts=keyword(NEXT))
    install.extension(BOMB, "newer", facts=keyword(NEWER))
    install.extension(BOMB, "plain")
    lines = [line.split(maxsplit=5) for line in run_sma("plugins", "list").stdout.splitlines()[1:]]
    assert [(line[0], line[3], line[4]) for line in lines] == [
        ("toy", "1.0", "installed"),
        ("toy.extra", NEXT, "incompatible"),
        ("toy.newer", NEWER, "installed"),
        ("toy.plain", "-", "installed"),
    ]
    assert lines[0][5] == "a domain: Words of a toy language."
    assert lines[1][5].startswith(f"made for plugin API {NEXT}")
    assert lines[3][5] == "to toy: A package for a test."


def test_list_check_finds_out_what_metadata_cannot_say(install, run_sma):
    install.toy()
    install.extension("raise ValueError('no luck')", "bad")
    lines = [line.split(maxsplit=5) for line in run_sma("plugins", "list", "--check").stdout.splitlines()[1:]]
    assert lines == [
        ["toy", "sma-toy", "1.0", API_VERSION, "ok", "1 domain, 2 data sets, 1 task"],
        ["toy.bad", "sma-toy-bad", "1.0", "-", "broken", "ValueError: no luck"],
    ]


def test_the_doctor_says_when_a_package_and_its_domain_differ(install, run_sma):
    install.toy(('Domain(name="toy"', 'Domain(api_version="1.1", name="toy"'), facts=keyword("1.0"))
    done = run_sma("plugins", "doctor")
    assert done.returncode == 0
    assert "its keywords declare API 1.0, its Domain 1.1: use the same version" in done.stdout


@dataclass(frozen=True, kw_only=True)
class Sound(Spec):
    pitch: int = 0
    loudness: int = deprecated_field(0, since="1.4", instead="give pitch")


def test_a_deprecated_field_works_and_warns_its_author():
    with pytest.warns(PluginDeprecationWarning) as caught:
        assert Sound(name="a", summary="A", loudness=3).loudness == 3
    assert str(caught[0].message) == "loudness of the Sound 'a' is deprecated since plugin API 1.4: give pitch"
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Sound(name="a", summary="A", pitch=3)


def test_a_deprecated_hook_warns_where_it_is_implemented():
    hookspec, hookimpl = pluggy.HookspecMarker("fake"), pluggy.HookimplMarker("fake")

    class Hooks:
        @hookspec(
            warn_on_impl=PluginDeprecationWarning("sma_sounds is deprecated since plugin API 1.4: use sma_tasks")
        )
        def sma_sounds(self): ...

    class Plugin:
        @hookimpl
        def sma_sounds(self): ...

    manager = pluggy.PluginManager("fake")
    manager.add_hookspecs(Hooks)
    with pytest.warns(PluginDeprecationWarning, match="use sma_tasks"):
        assert manager.register(Plugin()) is not None


@pytest.mark.filterwarnings("ignore::sma_core.plugins.PluginDeprecationWarning")
def test_the_doctor_and_info_show_what_is_deprecated_and_other_verbs_do_not(install, run_sma):
    warned = "import warnings\nfrom sma_core.plugins import PluginDeprecationWarning as Old\n"
    install.toy()
    install.extension(f"{warned}warnings.warn('shape is deprecated: give size', Old)\n{TASK}")
    for verb in (["doctor"], ["info", "toy.extra"]):
        done = run_sma("plugins", *verb)
        assert done.returncode == 0
        assert "shape is deprecated: give size" in done.stdout
    used = run_sma("config", "show", "--domain", "toy")
    assert (used.returncode, used.stderr) == (0, "")


def test_a_domain_without_version_has_ours():
    assert Domain(name="a", summary="A", tokenizer="bytes", reader="lines", dataset="a").api_version == API_VERSION


def projects(folder):
    """The plugins of this repository, and new ones."""
    made = [new_plugin(f"new-{kind}", kind, folder / kind).path for kind in get_args(Kind)]
    made.append(new_plugin("any.new", None, folder / "extension").path)
    return [*made, *(path.parent for path in (Path(__file__).parents[2] / "plugins").glob("*/pyproject.toml"))]


def test_keyword_and_domain_of_a_project_say_one_version(tmp_path):
    for project in projects(tmp_path):
        keywords = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["keywords"]
        said = [
            version
            for source in project.glob("src/*/plugin.py")
            for version in re.findall(r'api_version="(.*?)"', source.read_text(encoding="utf-8"))
        ]
        assert {declared_api(",".join(keywords)), *said} == {API_VERSION}, project
        assert "sma-plugin" in keywords, project
