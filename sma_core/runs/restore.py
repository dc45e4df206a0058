"""Restore a trainer from the newest checkpoint of its run."""

from __future__ import annotations

from sma_core.runs.run_folder import RunFolder
from sma_core.training.loop import Trainer
from sma_core.training.metrics_file import cut_metrics


def restore_newest(trainer: Trainer, run: RunFolder) -> None:
    """Restore the newest whole checkpoint of ``run``, if any, and cut the metrics back to it."""
    ranks = trainer.ranks
    checkpoint = run.checkpoints.latest() if ranks.first else None
    step = int(ranks.broadcast_text(str(checkpoint.step if checkpoint else -1)))
    if step >= 0:
        trainer.restore(checkpoint or run.checkpoints.read(step))
    ranks.barrier()
    if ranks.first:
        run.sweep()
        run.checkpoints.sweep(after=step)
        cut_metrics(run.metrics, step)
