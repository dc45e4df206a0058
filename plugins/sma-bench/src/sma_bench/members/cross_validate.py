"""`cross_validate`: fine-tune once for each fold of a k-fold split, so that every row is tested once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sma_bench.members.folder import Member, Tell, train_members
from sma_bench.members.result import MembersResult, spread_of
from sma_bench.members.together import out_of_fold
from sma_core.errors import UserError
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.training.reporting.observers import Observer
from sma_core.writers.evaluation_table import write_rows

TABLE = "out-of-fold.csv"


def cross_validate(
    domain: str | None = None,
    *,
    folds: int = 5,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    observers: Sequence[Observer] = (),
    tell: Tell | None = None,
    policy: PluginPolicy | None = None,
    **request: Any,  # noqa: ANN401 - further arguments of `sma_core.finetune`
) -> MembersResult:
    """Fine-tune on ``folds`` divisions of the rows, of which each row is in the test part of exactly one.

    The folder holds a run for each fold, and the table ``out-of-fold.csv``, in which every row is predicted by the
    run that was not trained on it. Calling again with the same arguments trains what is missing. `predict`
    averages the runs of the folder.

    Args:
        domain: As in `sma_core.finetune`.
        folds: Number of folds, 2 or more.
        out: Folder of the runs; None creates one under ``runs/``.
        settings: As in `sma_core.finetune`; ``split.name`` may name another splitter with folds than ``k-fold``.
        observers: As in `sma_core.finetune`.
        tell: Called with a line before each fold.
        policy: Which plugins may be used.
        request: Further arguments of `sma_core.finetune`: ``model``, ``task``, ``data``, ``recipe``, ``config``.

    Raises:
        UserError: ``folds`` is below 2, a fold is named, or the folder holds other runs; and as `finetune`.
    """
    began = time.monotonic()
    own = dict(settings or {})
    if folds < 2:
        raise UserError(f"`folds` must be 2 or more, not {folds}")
    named_here = next((name for name in ("split.fold", "split.folds", "split.column") if own.get(name)), None)
    if named_here is not None:
        raise UserError(f"all folds are trained: leave out {named_here}")
    own.setdefault("split.name", "k-fold")
    if own["split.name"] is None:
        own["split.name"] = "k-fold"
    own["split.folds"] = folds
    domain, policy = named(domain, policy)
    members = [Member(f"fold-{fold}", {"split.fold": fold}) for fold in range(1, folds + 1)]
    folder, finished = train_members(
        domain, "fold", members, {**request, "settings": own}, as_path(out), observers, tell, policy
    )
    together, rows = out_of_fold([member.run for member in finished], policy)
    write_rows(folder / TABLE, together, rows)
    result = MembersResult.of(folder, "fold", finished, together.figures(), len(together.rows), folder / TABLE)
    return result.written(spread_of(finished), time.monotonic() - began)
