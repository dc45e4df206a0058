"""What a contributor runs, `nox`, and the complete matrix, `nox -t full`; `nox -s NAME` for one session.

`nox` is `lint`, `types`, `architecture`, `tests` (the core and every plugin together, with the locked versions,
but for the tests marked `full`) and `readme` (the first command of README).

`nox -t full` is what a release must pass. Tests run with the core alone (`core`) and with plugins that
`sma plugins new` has just made (`contract`), both with the locked versions and with the oldest that are promised;
with each plugin alone and the oldest versions (`plugin`); and with all plugins, all extras and the locked
versions, those marked `full` too (`everything`). So each plugin is tested alone and beside the others, with old
and with new versions, but not in every combination. All commands of README run as well (`tour`).

Plugins are the folders of `plugins/` that hold a pyproject.toml. `nox -s contract -- ../their-plugin` holds
another plugin to the contract: a project's folder, or a domain by name.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_external_run = True
nox.options.stop_on_first_error = True
nox.options.sessions = ["lint", "types", "architecture", "tests", "readme"]

PLUGINS = sorted(path.parent.name for path in Path("plugins").glob("*/pyproject.toml"))
LOCKED = ("-c", "constraints.txt")
TEST_TOOLS = ("pytest", "pytest-xdist", "hypothesis", "ruff", "hatchling", "pip")
PYTEST = ("python", "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal")
NOT_FULL = ("-m", "not full")
MORE_EXAMPLES = ("--hypothesis-profile", "full")
KIT = "./plugins/sma-kit"
"""The kit for plugin authors, which the tests of the core and of domains use."""
GENERATED = {
    "reads": "discrete",
    "sensors": "continuous",
    "paths": "sequence",
    "reads.more": None,
    "any.lab": None,
}
"""Plugins that are made to be tested, with the kind of each domain; an extension has none."""
each_resolution = nox.parametrize("versions", ["locked", "lowest"], ids=["locked", "lowest"])
each_plugin = nox.parametrize("plugin", PLUGINS, ids=[name.removeprefix("sma-") for name in PLUGINS])


def project_of(folder: Path) -> dict[str, Any]:
    """Return the table `project` of a folder's pyproject.toml."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def with_extras(folder: Path) -> str:
    """Return a folder as pip takes it, with all its extras."""
    extras = ",".join(sorted(project_of(folder).get("optional-dependencies", {})))
    place = f"./{folder.as_posix()}" if folder.parts else "."
    return f"{place}[{extras}]" if extras else place


def everything_here() -> list[str]:
    """Return the core and all plugins, with all their extras."""
    return [with_extras(Path()), *(with_extras(Path("plugins", name)) for name in PLUGINS)]


def plugins_for(plugin: str) -> set[str]:
    """Return a plugin and those beside it that it requires, which no index may have yet."""
    found, waiting = set(), [plugin]
    while waiting:
        name = waiting.pop()
        found.add(name)
        project = project_of(Path("plugins", name))
        required = project.get("dependencies", [])
        named = {re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in required}
        waiting += sorted(named & set(PLUGINS) - found)
    return found


def install(session: nox.Session, versions: str, *packages: str) -> None:
    """Packages with locked versions, or the oldest of what they ask for themselves, and what tests need."""
    if versions == "locked":
        session.install(*LOCKED, *packages, *TEST_TOOLS)
    else:
        session.install("--resolution", "lowest-direct", *packages)
        session.install(*TEST_TOOLS)


def environment() -> dict[str, str]:
    """One thread for each of the two test processes, and no quiet failure of a plugin.

    Compiled files are kept, whatever the caller's setting: tests start many processes, and each imports torch.
    """
    return {"OMP_NUM_THREADS": "1", "SMA_STRICT_PLUGINS": "1", "PYTHONDONTWRITEBYTECODE": ""}


@nox.session(tags=["full"])
def lint(session: nox.Session) -> None:
    """Style and common mistakes."""
    session.install(*LOCKED, "ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(tags=["full"])
def types(session: nox.Session) -> None:
    """Types of the core, of every plugin and of the benchmarks, strictly."""
    session.install(*LOCKED, *everything_here(), "mypy")
    session.run("mypy", "-n", "2", "sma_core", "benchmarks", *(f"plugins/{name}/src" for name in PLUGINS))


@nox.session(tags=["full"])
def architecture(session: nox.Session) -> None:
    """Rooms import only from floors below; every dependency is declared and used, in each plugin too."""
    session.install(*LOCKED, *everything_here(), "import-linter", "deptry")
    session.run("lint-imports")
    session.run("deptry", ".")
    for name in PLUGINS:
        with session.chdir(Path("plugins", name)):
            session.run("deptry", "src")


@nox.session
def tests(session: nox.Session) -> None:
    """The core and all plugins together, with the locked versions: all tests but those marked `full`."""
    install(session, "locked", *everything_here())
    session.run(*PYTEST, *NOT_FULL, "tests", "plugins", *session.posargs, env=environment())


@nox.session(tags=["full"])
@each_resolution
def core(session: nox.Session, versions: str) -> None:
    """The core alone, with no plugin installed but the kit that its tests use."""
    install(session, versions, ".", KIT)
    session.run(*PYTEST, *NOT_FULL, "tests", *session.posargs, env=environment())


@nox.session(tags=["full"])
@each_plugin
def plugin(session: nox.Session, plugin: str) -> None:
    """One plugin beside the core, the kit and the plugins it requires, with the oldest versions: its tests."""
    install(session, "lowest", ".", *{KIT, *(f"./plugins/{name}" for name in plugins_for(plugin))})
    session.run(*PYTEST, *NOT_FULL, f"plugins/{plugin}/tests", *session.posargs, env=environment())


@nox.session(tags=["full"])
def everything(session: nox.Session) -> None:
    """Core and all plugins together, with all extras and the locked versions: all tests."""
    install(session, "locked", *everything_here())
    session.run(*PYTEST, *MORE_EXAMPLES, "tests", "plugins", *session.posargs, env=environment())


@nox.session(tags=["full"])
@each_resolution
def contract(session: nox.Session, versions: str) -> None:
    """Plugins of others, given by path or by name; none given: `GENERATED`, with their own tests."""
    install(session, versions, ".", KIT)
    for target in session.posargs or GENERATED:
        project = Path(target if session.posargs else generated(session, target))
        if project.is_dir():
            session.install("-e", str(project))
            with session.chdir(project):
                session.run("python", "-m", "pytest", "-q", env=environment())
        else:
            own = Path("plugins") / f"sma-{target}"
            session.install(f"./{own}" if own.is_dir() else f"sma-{target}")
        session.run("sma", "plugins", "check", str(project.resolve()) if project.is_dir() else target)


def generated(session: nox.Session, name: str) -> str:
    """Make a plugin of `GENERATED`, an extension of one of them after that, and return its folder."""
    folder, kind = f"{session.create_tmp()}/sma-{name}", GENERATED[name]
    shutil.rmtree(folder, ignore_errors=True)
    session.run("sma", "plugins", "new", name, *(["--kind", kind] if kind else []), "--out", folder)
    return folder


@nox.session
def readme(session: nox.Session) -> None:
    """README's first command on a fresh copy of the tree, with fewer steps."""
    run_readme(session, *NOT_FULL)


@nox.session(tags=["full"])
def tour(session: nox.Session) -> None:
    """README's first command and all commands after it, on a fresh copy of the tree, with fewer steps."""
    run_readme(session)


def run_readme(session: nox.Session, *options: str) -> None:
    """Run the commands of README as a new user would."""
    session.install(*LOCKED, "pytest")
    compiled_when_imported = {"PYTHONDONTWRITEBYTECODE": "", "PIP_COMPILE": "0"}
    few = {"SMA_TRAINING__STEPS": "20"} | compiled_when_imported
    alone = ("--noconftest", "tests/readme/run_readme.py")  # conftest.py takes settings out of the environment
    session.run("pytest", "-q", *alone, *options, *session.posargs, env=os.environ | few)
