"""Which run to go on with, and which settings may change when going on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sma_core.config.layers import Values, put
from sma_core.errors import CheckpointError, ConfigError
from sma_core.training.run_folder import RUNS, RunFolder

CHANGEABLE = frozenset(
    f"training.{name}"
    for name in ("steps", "epochs", "evaluate_every", "checkpoint_every", "keep_last", "log_every", "device")
)


def find_run(resume: str | None, verb: str, domain: str | None, out: Path | None) -> RunFolder | None:
    """Return the run that ``--resume`` names, or None when a new one is to begin.

    ``auto`` takes ``out`` when it holds a run, else the newest unfinished run of this verb and domain
    under ``runs/``, else none. Raises `CheckpointError` when a named folder is no run of this verb.
    """
    if resume is None:
        return None
    if resume != "auto":
        run = RunFolder.open(Path(resume))
        _check_verb(run, verb)
        return run
    if out is not None:
        if not (out / "model.json").is_file():
            return None
        run = RunFolder.open(out)
        _check_verb(run, verb)
        return run
    candidates = [path for path in RUNS.glob("*") if (path / "model.json").is_file()]
    for path in sorted(candidates, key=lambda path: (path / "model.json").stat().st_mtime, reverse=True):
        run = RunFolder.open(path)
        facts = run.model()
        if facts["verb"] == verb and domain in (None, facts["domain"]["name"]) and not facts.get("finished"):
            return run
    return None


def _check_verb(run: RunFolder, verb: str) -> None:
    own = run.model()["verb"]
    if own != verb:
        raise CheckpointError(f"{run.path} was written by sma {own}: go on with sma {own} --resume {run.path}")


def resumed_settings(run: RunFolder, settings: Mapping[str, Any]) -> Values:
    """Return the run's own settings with the changes that are allowed; raises `ConfigError` for others."""
    values = run.config()
    for setting, value in settings.items():
        if setting not in CHANGEABLE:
            raise ConfigError(
                f"{setting!r} cannot change when a run goes on; only {', '.join(sorted(CHANGEABLE))} can. "
                "Begin a new run for anything else"
            )
        put(values, setting, value)
    return values
