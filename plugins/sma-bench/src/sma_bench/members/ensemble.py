"""`ensemble`: fine-tune several times with other seeds, and average the predictions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sma_bench.members.folder import Member, Tell, train_members
from sma_bench.members.result import MembersResult, spread_of
from sma_bench.members.together import averaged
from sma_core.errors import UserError
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.training.reporting.observers import Observer

SEED = "training.seed"
SAME = (
    "all members predict the same, so averaging changes nothing: no epoch was better than the "
    "linear probe, which has no seed; train longer, or use `training.probe_fallback=false`"
)


def ensemble(
    domain: str | None = None,
    *,
    members: int = 5,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    observers: Sequence[Observer] = (),
    tell: Tell | None = None,
    policy: PluginPolicy | None = None,
    **request: Any,  # noqa: ANN401 - further arguments of `sma_core.finetune`
) -> MembersResult:
    """Fine-tune ``members`` times on one split with the seeds ``training.seed``, ``training.seed`` + 1, ….

    The folder holds a run for each seed. `predict` of the folder averages their predictions and adds their
    standard deviation. Calling again with the same arguments trains what is missing.

    Args:
        domain: As in `sma_core.finetune`.
        members: Number of runs, 2 or more.
        out: Folder of the runs; None creates one under ``runs/``.
        settings: As in `sma_core.finetune`.
        observers: As in `sma_core.finetune`.
        tell: Called with a line before each member.
        policy: Which plugins may be used.
        request: Further arguments of `sma_core.finetune`: ``model``, ``task``, ``data``, ``recipe``, ``config``.

    Raises:
        UserError: ``members`` is below 2, or the folder holds other runs; and as `sma_core.finetune`.
        CheckpointError: Labels belong to positions, so predictions cannot be averaged.
    """
    began = time.monotonic()
    own = dict(settings or {})
    if members < 2:
        raise UserError(f"`members` must be 2 or more, not {members}")
    first = int(own.get(SEED) or 0)
    domain, policy = named(domain, policy)
    wanted = [Member(f"seed-{seed}", {SEED: seed}) for seed in range(first, first + members)]
    folder, finished = train_members(
        domain, "member", wanted, {**request, "settings": own}, as_path(out), observers, tell, policy
    )
    together, count, warnings = {}, 0, []
    if finished[0].test:
        mean, equal = averaged([member.run for member in finished], policy)
        together, count, warnings = mean.figures(), len(mean.rows), [SAME] if equal else []
    result = MembersResult.of(folder, "member", finished, together, count, warnings=warnings)
    return result.written(spread_of(finished), time.monotonic() - began)
