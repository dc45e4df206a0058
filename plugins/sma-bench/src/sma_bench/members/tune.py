"""`tune`: search settings of a fine-tuning by its validation rows, with Optuna's sampler and pruner.

Test rows are not looked at until the search is over; then those of the best trial are scored once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sma_bench.members.folder import Tell, new_folder, results_of
from sma_bench.members.search_space import DEFAULT, parse_space
from sma_bench.members.trials import Search, SearchTrial
from sma_core.errors import DataError, UserError
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.plugins.events import Evaluated, Event
from sma_core.plugins.method_specs import Metric
from sma_core.plugins.registry import Registry
from sma_core.runs.results import Estimate
from sma_core.training.reporting.observers import Observer
from sma_core.verbs.evaluate import evaluate
from sma_core.verbs.finetune import finetune

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

STARTUP = 5
"""Trials before any is stopped early, or drawn by what others showed."""
SAME = (
    "all trials have the same validation metric, so the search shows nothing: no epoch was better than the linear "
    "probe; train longer, or use `training.probe_fallback=false`"
)
Space = Mapping[str, "BaseDistribution"]


@dataclass(frozen=True)
class TuneResult:
    """The trials, the best of them by the validation ``metric``, and the metrics of its test rows."""

    out: Path
    metric: str
    trials: tuple[SearchTrial, ...]
    best: Path
    settings: Mapping[str, Any]
    value: float
    first: float | None
    """Validation metric of the first trial, whose settings are those that were given."""
    test: Mapping[str, Estimate]
    warnings: tuple[str, ...]
    seconds: float


class Stopped(Exception):
    """A trial is worse than the median of the others after as many evaluations."""


def tune(
    domain: str | None = None,
    *,
    trials: int = 20,
    search: Sequence[str] = DEFAULT,
    seed: int = 0,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    observers: Sequence[Observer] = (),
    tell: Tell | None = None,
    policy: PluginPolicy | None = None,
    **request: Any,  # noqa: ANN401 - further arguments of `sma_core.finetune`
) -> TuneResult:
    """Fine-tune ``trials`` times with other settings, and return the run with the best validation metric.

    The first trial has the settings as they are; the others are drawn by Optuna's tree-structured Parzen
    estimator, and stopped when they are worse than the median of the others after as many epochs. Each trial is an
    ordinary run in the folder. Calling again with the same arguments goes on, also in the middle of a trial; with
    more ``trials``, it adds some.

    Args:
        domain: As in `sma_core.finetune`.
        trials: Number of trials, 2 or more.
        search: Settings to vary, as ``NAME=LOW..HIGH`` or ``NAME=A,B,C``; wide ranges are logarithmic.
        seed: Seed of the search.
        out: Folder of the trials; None creates one under ``runs/``.
        settings: As in `sma_core.finetune`, for all trials.
        observers: As in `sma_core.finetune`.
        tell: Called with a line before and after each trial.
        policy: Which plugins may be used.
        request: Further arguments of `sma_core.finetune`: ``model``, ``task``, ``data``, ``recipe``, ``config``.

    Raises:
        UserError: Optuna is not installed, ``trials`` or ``search`` does not suit, or the folder holds another
            search; and as `sma_core.finetune`.
    """
    began = time.monotonic()
    if find_spec("optuna") is None:
        raise UserError('a search needs the package Optuna: pip install "sma-bench[tune]"')
    if trials < 2:
        raise UserError(f"`trials` must be 2 or more, not {trials}")
    space = parse_space(search)
    own = {**(settings or {}), "baselines": False, "score_test": False}
    fixed = next((name for name in space if own.get(name) is not None), None)
    if fixed is not None:
        raise UserError(f"{fixed} is both given and searched: leave one of them out")
    domain, policy = named(domain, policy)
    folder = as_path(out) or new_folder(domain, "search")
    wanted = {"domain": domain, **request, "settings": own, "search": list(search), "seed": seed}
    state = Search.open(folder, wanted)

    def train(trial: SearchTrial, stop: Callable[[int, float | None], None]) -> None:
        _run_trial(state, folder / trial.name, trial, domain, request, own, (observers, stop, policy))

    while len(state.trials) < trials or state.trials[-1].state == "running":
        _next_trial(state, folder, space, seed, tell, train)
    best = state.best
    if best is None or best.value is None:
        raise DataError(f"no trial in {folder} has a validation {state.metric}: it is undefined on these rows")
    test = evaluate(folder / best.name, policy=policy).figures
    return TuneResult(
        folder,
        state.metric,
        tuple(state.trials),
        folder / best.name,
        best.settings,
        best.value,
        state.trials[0].value,
        test,
        (SAME,) if len({trial.value for trial in state.trials if trial.state == "finished"}) == 1 else (),
        time.monotonic() - began,
    )


def _next_trial(
    state: Search,
    folder: Path,
    space: Space,
    seed: int,
    tell: Tell | None,
    train: Callable[[SearchTrial, Callable[[int, float | None], None]], None],
) -> None:
    """Draw the settings of a trial, or take those of the interrupted one, and run it."""
    study = _study(state, space, seed)
    interrupted = bool(state.trials) and state.trials[-1].state == "running"
    number = len(state.trials) + (not interrupted)
    asked = study.ask(dict(space)) if number > 1 else None
    if not interrupted:
        settings = {} if asked is None else dict(asked.params)
        state.trials.append(SearchTrial(f"trial-{number:03d}", settings))
        state.write(folder)
    trial = state.trials[-1]
    if tell is not None:
        shown = ", ".join(f"{name}={_short(value)}" for name, value in trial.settings.items())
        tell(f"{trial.name}: {shown or 'settings as given'}")

    def stop(evaluation: int, value: float | None) -> None:
        if asked is None or interrupted or value is None or value != value:
            return
        asked.report(value, evaluation)
        if asked.should_prune():
            raise Stopped

    train(trial, stop)
    state.write(folder)
    if tell is not None and trial.value is not None:
        tell(f"{trial.name}: validation {state.metric} {_short(trial.value)} ({trial.state})")


def _run_trial(
    state: Search,
    run: Path,
    trial: SearchTrial,
    domain: str | None,
    request: Mapping[str, Any],
    settings: Mapping[str, Any],
    how: tuple[Sequence[Observer], Callable[[int, float | None], None], PluginPolicy | None],
) -> None:
    """Fine-tune with a trial's settings, and record its validation metric after each evaluation."""
    observers, stop, policy = how
    metrics: list[dict[str, float]] = []

    def watch(event: Event) -> None:
        if isinstance(event, Evaluated):
            metrics.append(dict(event.metrics))
            stop(len(metrics), event.metrics.get(state.metric) if state.metric else None)

    try:
        finetune(
            domain,
            **{**request, "settings": {**settings, **trial.settings}},
            out=run,
            resume="auto",
            observers=[*observers, watch],
            policy=policy,
        )
        trial.state = "finished"
    except Stopped:
        trial.state = "stopped"
    results = results_of(run)
    if results is not None:
        state.metric = state.metric or results["metric"]
        registry = Registry.load(results["domain"], policy)
        state.higher_is_better = registry.find(Metric, state.metric).higher_is_better
        trial.value = results["valid"].get(state.metric)
    trial.values = [each.get(state.metric) for each in metrics]
    if trial.state == "stopped" and trial.values:
        trial.value = trial.values[-1]


def _study(state: Search, space: Space, seed: int) -> Study:
    """Return a study that knows the ended trials; its sampler depends on their number and the seed."""
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize" if state.higher_is_better else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed + len(state.trials), n_startup_trials=STARTUP),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=2),
    )
    for trial in state.trials:
        if trial.state == "running" or trial.value is None or set(trial.settings) != set(space):
            continue
        known = {number: value for number, value in enumerate(trial.values, start=1) if value is not None}
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE if trial.state == "finished" else TrialState.PRUNED,
                value=trial.value if trial.state == "finished" else None,
                params=trial.settings,
                distributions=dict(space),
                intermediate_values=known,
            )
        )
    return study


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
