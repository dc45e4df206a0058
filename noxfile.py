"""Everything a maintainer runs: `nox` for all of it, `nox -s NAME` for one session.

Tests run with the core alone (`core`), with each plugin alone (`plugin`), with all of them (`everything`), and
with plugins that `sma plugins new` has just made (`contract`); each with the locked dependencies and with the
oldest that are promised. The others look at the code itself, and at what README says.

`nox -s contract -- ../their-plugin` holds another plugin to the contract: a project's folder, or a domain by name.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_external_run = True
nox.options.stop_on_first_error = True

PLUGINS = sorted(path.name for path in Path("plugins").iterdir() if (path / "pyproject.toml").is_file())
LOCKED = ("-c", "constraints.txt")
TEST_TOOLS = ("pytest", "pytest-xdist", "hypothesis", "ruff", "hatchling")
CORE_EXTRAS = "baselines,benchmarks,hdf5,hub,remote,report,tensorboard"
PYTEST = ("python", "-m", "pytest", "-q", "-n", "2")
QUICK = ("-m", "not slow")
GENERATED = {"reads": "discrete", "sensors": "continuous"}
each_resolution = nox.parametrize("versions", ["locked", "lowest"], ids=["locked", "lowest"])


def with_extras(plugin: str) -> str:
    """A plugin as pip takes it, with all its extras."""
    folder = Path("plugins") / plugin
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = ",".join(sorted(project.get("optional-dependencies", {})))
    return f"./{folder.as_posix()}[{extras}]" if extras else f"./{folder.as_posix()}"


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
@each_resolution
def core(session: nox.Session, versions: str) -> None:
    """The core alone, with no plugin installed."""
    install(session, versions, ".")
    session.run(*PYTEST, *QUICK, "tests", *session.posargs, env=environment())


@nox.session
@each_resolution
@nox.parametrize("plugin", PLUGINS, ids=[name.removeprefix("sma-") for name in PLUGINS])
def plugin(session: nox.Session, plugin: str, versions: str) -> None:
    """One plugin beside the core: its own tests, but for those that train for minutes."""
    install(session, versions, ".", with_extras(plugin) if versions == "locked" else f"./plugins/{plugin}")
    session.run(*PYTEST, *QUICK, f"plugins/{plugin}/tests", *session.posargs, env=environment())


@nox.session
@each_resolution
def everything(session: nox.Session, versions: str) -> None:
    """Core and all plugins together: with the locked versions all tests, with the oldest those of plugins.

    The locked ones come with all extras. Of the oldest `core` has run the others.
    """
    if versions == "locked":
        install(session, versions, f".[{CORE_EXTRAS}]", *(with_extras(name) for name in PLUGINS))
        session.run(*PYTEST, "tests", "plugins", *session.posargs, env=environment())
    else:
        install(session, versions, ".", *(f"./plugins/{name}" for name in PLUGINS))
        parts = ("tests/plugins", "tests/cli", "plugins")
        session.run(*PYTEST, *QUICK, *parts, *session.posargs, env=environment())


@nox.session
@each_resolution
def contract(session: nox.Session, versions: str) -> None:
    """Plugins of others, given by path or by name; none given: two that are made here, with their own tests."""
    install(session, versions, ".[testing]")
    targets = list(session.posargs)
    if not targets:
        for name, kind in GENERATED.items():
            targets.append(f"{session.create_tmp()}/sma-{name}")
            shutil.rmtree(targets[-1], ignore_errors=True)
            session.run("sma", "plugins", "new", name, "--kind", kind, "--out", targets[-1])
    for target in targets:
        project = Path(target)
        if project.is_dir():
            session.install("-e", str(project))
            with session.chdir(project):
                session.run("python", "-m", "pytest", "-q", env=environment())
        else:
            own = Path("plugins") / f"sma-{target}"
            session.install(f"./{own}" if own.is_dir() else f"sma-{target}")
        session.run("sma", "plugins", "check", str(project.resolve()) if project.is_dir() else target)


@nox.session
def readme(session: nox.Session) -> None:
    """README's first command on a fresh copy of the tree, with fewer steps, and the commands after it."""
    session.install(*LOCKED, "pytest")
    few = {"SMA_TRAINING__STEPS": "20", "PYTHONDONTWRITEBYTECODE": ""}
    session.run("pytest", "-q", "tests/readme/run_readme.py", *session.posargs, env=os.environ | few)
