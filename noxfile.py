"""Everything a maintainer runs: `nox` for all of it, `nox -s NAME` for one session.

`core` has no plugin installed, `chem` has one, `everything` has all; `lowest` takes the oldest
dependencies that are promised. The others look at the code itself, and at what README says.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_external_run = True
nox.options.stop_on_first_error = True

PLUGINS = sorted(path.name for path in Path("plugins").iterdir() if (path / "pyproject.toml").is_file())
LOCKED = ("-c", "constraints.txt")
TEST_TOOLS = ("pytest", "pytest-xdist", "hypothesis", "ruff", "hatchling")
PYTEST = ("python", "-m", "pytest", "-q", "-n", "2")
QUICK = ("-m", "not slow")


def with_extras(plugin: str) -> str:
    """A plugin as pip takes it, with all its extras."""
    folder = Path("plugins") / plugin
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = ",".join(sorted(project.get("optional-dependencies", {})))
    return f"./{folder.as_posix()}[{extras}]" if extras else f"./{folder.as_posix()}"


def environment() -> dict[str, str]:
    """One thread for each of the two test processes, and no quiet failure of a plugin."""
    return {"OMP_NUM_THREADS": "1", "SMA_STRICT_PLUGINS": "1"}


@nox.session
def lint(session: nox.Session) -> None:
    """Style and common mistakes."""
    session.install(*LOCKED, "ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Types of the core, strictly."""
    session.install(*LOCKED, ".", "mypy", "pytest")
    session.run("mypy", "sma_core")


@nox.session
def architecture(session: nox.Session) -> None:
    """Rooms import only from floors below; every dependency is declared and used."""
    session.install(*LOCKED, ".", "import-linter", "deptry")
    session.run("lint-imports")
    session.run("deptry", ".")


@nox.session
def core(session: nox.Session) -> None:
    """The core alone, with no plugin installed."""
    session.install(*LOCKED, ".", *TEST_TOOLS)
    session.run(*PYTEST, *QUICK, "tests", *session.posargs, env=environment())


@nox.session
@nox.parametrize("plugin", PLUGINS, ids=[name.removeprefix("sma-") for name in PLUGINS])
def plugin(session: nox.Session, plugin: str) -> None:
    """One plugin beside the core: its own tests, but for those that train for minutes."""
    session.install(*LOCKED, ".", with_extras(plugin), *TEST_TOOLS)
    session.run(*PYTEST, *QUICK, f"plugins/{plugin}/tests", *session.posargs, env=environment())


@nox.session
def everything(session: nox.Session) -> None:
    """Core and all plugins together, with the extras: all tests."""
    session.install(*LOCKED, ".[baselines,hdf5,hub,report,tensorboard]", *(with_extras(name) for name in PLUGINS), *TEST_TOOLS)
    session.run(*PYTEST, "tests", "plugins", *session.posargs, env=environment())


@nox.session
def lowest(session: nox.Session) -> None:
    """All tests with the oldest versions that are promised."""
    packages = [".", *(f"./plugins/{name}" for name in PLUGINS)]
    session.install("--resolution", "lowest-direct", *packages)
    session.install(*TEST_TOOLS)
    session.run(*PYTEST, *QUICK, "tests", "plugins", *session.posargs, env=environment())


@nox.session
def readme(session: nox.Session) -> None:
    """README's first command on a fresh copy of the tree, with fewer steps, and the commands after it."""
    session.install(*LOCKED, "pytest")
    few = {"SMA_TRAINING__STEPS": "20"}
    session.run("pytest", "-q", "tests/readme/run_readme.py", *session.posargs, env=os.environ | few)
