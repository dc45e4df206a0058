"""A new plugin is whole: it passes its own tests, the linter, and trains before a line of it is changed."""

import json
import os
import runpy
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from sma_core.errors import UserError
from sma_core.plugins.discovery import GROUP
from sma_core.plugins.method_specs import MaskingStrategy
from sma_core.plugins.registry import Registry
from sma_kit import new_plugin as module
from sma_kit.distributions import write_distribution
from sma_kit.new_plugin import new_plugin

KINDS = ("discrete", "continuous", "sequence")
EXTENSIONS = ("toy.", "any.")
"""What the name of an extension begins with; in tests it stands for a kind."""
LONG = "near-infrared-spectra"
CORE, KIT = Path(__file__).parents[3], Path(__file__).parents[1]


def new(stem, kind, folder):
    """Create a domain of a kind, or an extension whose name begins with it."""
    return new_plugin(f"{kind}{stem}", None, folder) if kind in EXTENSIONS else new_plugin(stem, kind, folder)


def run_in(folder, *command, path=()):
    """Run Python in a folder, with more on its path; give status and all it printed."""
    places = os.pathsep.join([*map(str, path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": places, "SMA_STRICT_PLUGINS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.full  # tests/docs/test_plugin_pages.py has one in every run
@pytest.mark.parametrize("kind", [*KINDS, *EXTENSIONS])
def test_a_new_plugin_passes_its_own_tests_which_train_it_and_hold_it_to_the_contract(toy, tmp_path, kind):
    made = new("brand-new", kind, tmp_path / "project")
    project = tomllib.loads((made.path / "pyproject.toml").read_text())["project"]
    site = write_distribution(tmp_path / "site", project["name"], project["entry-points"][GROUP], {})
    status, printed = run_in(made.path, "-m", "pytest", "-q", path=[site, made.path / "src"])
    assert status == 0, printed


@pytest.mark.parametrize("kind", [*KINDS, *EXTENSIONS])
@pytest.mark.skipif(find_spec("ruff") is None, reason="ruff is not installed")
def test_a_new_plugin_passes_the_linter_also_with_a_long_name(toy, tmp_path, kind):
    for name in ("ox", LONG):
        made = new(name, kind, tmp_path / name)
        for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
            status, printed = run_in(made.path, "-m", "ruff", *command)
            assert status == 0, printed


@pytest.mark.parametrize("kind", [*KINDS, *EXTENSIONS])
def test_everything_is_there_and_no_field_is_left_open(toy, tmp_path, kind):
    made = new(LONG, kind, tmp_path / "project")
    found = {path.relative_to(made.path).as_posix() for path in made.path.rglob("*") if path.is_file()}
    assert found == set(made.files)
    package = f"src/{made.package.replace('-', '_')}"
    recipes = {f"{package}/recipes/{name}.toml" for name in ("tiny", "small", "paper") if kind in KINDS}
    assert {file for file in found if file.endswith(".toml") and "/recipes/" in file} == recipes
    assert {".gitignore", ".github/workflows/tests.yml", "LICENSE", "README.md", "noxfile.py"} <= found
    text = "".join((made.path / file).read_text() for file in made.files)
    assert "$" not in text.replace("${{ matrix.python }}", "")
    assert text.count("CHANGE") > 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_sample_is_what_its_tool_makes(tmp_path, kind):
    made = new_plugin("ox", kind, tmp_path / "project")
    lines = runpy.run_path(str(made.path / "tools" / "make_sample.py"))["lines"]()
    (sample,) = made.path.glob("src/sma_ox/data/sample.*")
    assert sample.read_text() == "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Reads", "lower-case letters"),
        ("1st", "lower-case letters"),
        ("a_b", "lower-case letters"),
        ("a--b", "single hyphens"),
        ("../x", "lower-case letters"),
        ("", "lower-case letters"),
        ("class", "a Python keyword"),
        ("match", "a Python keyword"),
        ("sma-reads", "'reads' creates the package sma-reads"),
        ("toy", "the domain 'toy' is already installed by sma-toy"),
        ("core", "a package sma-core is already installed"),
        ("toy.Own", "DOMAIN.EXTENSION"),
        ("toy.own.more", "DOMAIN.EXTENSION"),
        ("toy.", "DOMAIN.EXTENSION"),
        (".own", "DOMAIN.EXTENSION"),
        ("sma-toy.own", "'toy.own' creates the package sma-toy-own"),
        ("toy.extra", "the plugin 'toy.extra' is already installed by sma-toy-extra"),
        ("any.core", "a package sma-core is already installed"),
    ],
)
def test_a_name_that_cannot_be_is_refused(install, tmp_path, name, said):
    install.toy()
    install.extension("")
    with pytest.raises(UserError, match=said):
        new_plugin(name, None if "." in name else "discrete", tmp_path / "project")
    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ox"], "what are the rows of the domain 'ox'? Pass --kind discrete for text, --kind"),
        (["toy.ox", "--kind", "discrete"], "'toy.ox' is an extension, which has no kind of its own: omit --kind"),
        (["tooy.ox"], "no plugin provides the domain 'tooy'; did you mean 'toy'?"),
    ],
)
def test_a_domain_has_a_kind_and_an_extension_a_domain(toy, run_sma, tmp_path, arguments, said):
    done = run_sma("plugins", "new", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_extension_requires_the_package_of_its_domain_and_adds_parts_to_it(install, tmp_path, monkeypatch):
    install.toy(version="2.5")
    for name, package in (("toy.ox", "sma-toy-ox"), ("any.lab", "sma-lab")):
        made = new_plugin(name, None, tmp_path / package)
        assert (made.package, made.kind) == (package, None)
        project = tomllib.loads((made.path / "pyproject.toml").read_text())["project"]
        assert ("sma-toy>=2.5" in project["dependencies"]) is (name == "toy.ox")
        site = install(package, project["entry-points"][GROUP], {})
        monkeypatch.syspath_prepend(made.path / "src")
        registry = Registry.load("toy")
        part = registry.find(MaskingStrategy, name.partition(".")[2])
        assert registry.provider(part) == f"{package} 1.0"
        install.remove(site)


def test_a_folder_in_use_is_refused_and_left_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place in ("full", "file"):
        with pytest.raises(UserError, match="not an empty folder"):
            new_plugin("reads", "discrete", tmp_path / place)
    monkeypatch.chdir(tmp_path / "full")
    with pytest.raises(UserError, match="the current folder cannot be the project"):
        new_plugin("reads", "discrete", Path())
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["file", "full", "mine"]


def test_an_empty_folder_is_taken_and_missing_parents_are_made(tmp_path):
    (tmp_path / "empty").mkdir()
    for place in ("empty", "not/there"):
        made = new_plugin("reads", "discrete", tmp_path / place)
        assert (made.path / "pyproject.toml").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "not"]


def test_a_project_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    def fails(built, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "publish_folder", fails)
    with pytest.raises(UserError, match=r"cannot write the project .*No space left"):
        new_plugin("reads", "discrete", tmp_path / "project")
    assert list(tmp_path.iterdir()) == []


def test_the_program_says_what_to_type_next(run_sma, tmp_path):
    done = run_sma("plugins", "new", "reads", "--kind", "discrete")
    assert done.returncode == 0, done.stderr
    assert "next: pip install -e ./sma-reads\n      sma train --domain reads" in done.stdout
    assert (tmp_path / "sma-reads" / "src" / "sma_reads" / "plugin.py").is_file()
    again = run_sma("plugins", "new", "reads", "--kind", "discrete")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.count("error: ") == 1
    other = run_sma("plugins", "new", "reads", "--kind", "continuous", "--out", "there", "--json")
    assert json.loads(other.stdout)["path"] == "there"
    extension = run_sma("plugins", "new", "any.lab")
    other = run_sma("plugins", "new", "paths", "--kind", "sequence")
    assert other.stdout.startswith("sma-paths, a domain of sequences of vectors: ")
    assert extension.stdout.startswith("sma-lab, an extension of every domain: ")
    assert "      sma train --domain DOMAIN --recipe lab" in extension.stdout


@pytest.mark.full
@pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed")
@pytest.mark.parametrize(
    ("project", "sources", "pattern", "least"),
    [(CORE, CORE, "sma_core/recipes/**/*.toml", 2), (KIT, KIT / "src", "sma_kit/templates/**/*.template", 20)],
)
def test_wheels_hold_every_recipe_and_template(tmp_path, project, sources, pattern, least):
    status, printed = run_in(project, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    assert status == 0, printed
    (wheel,) = tmp_path.glob("*.whl")
    files = {path.relative_to(sources).as_posix() for path in sources.glob(pattern)}
    assert len(files) >= least
    assert files <= set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed")
@pytest.mark.skipif(not list(metadata.distributions(name="pip")), reason="pip is not installed")
def test_a_new_plugin_is_installed_by_pip_and_trains(tmp_path, kind):
    made, site = new("brand-new", kind, tmp_path / "project"), tmp_path / "site"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    status, printed = run_in(tmp_path, "-m", "pip", "install", "-q", *options, str(made.path))
    assert status == 0, printed
    train = ["train", "--domain", "brand-new", "--set", "training.steps=30", "--out", "run"]
    status, printed = run_in(tmp_path, "-m", "sma_core", *train, path=[site])
    assert status == 0, printed
    assert "next: sma finetune --domain brand-new" in printed
