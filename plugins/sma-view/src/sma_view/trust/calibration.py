"""Labels and predictions of a run's validation rows, from which intervals and temperatures are computed.

They are written to the folder of a run at the end of its fine-tuning. Letters: m rows, T targets, C columns of
predictions.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.errors import CheckpointError, ConfigError, SmaError, UserError
from sma_core.files import replacing
from sma_core.models.ensemble import Ensemble
from sma_core.models.loaded_run import LoadedRun
from sma_core.plugins.discovery import PluginPolicy
from sma_core.training.finetuning.targets import Targets
from sma_core.verbs.evaluate import predict_part
from sma_view.finished_run import policy_of, without_warnings

logger = logging.getLogger("sma")

FILE = "calibration.safetensors"
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Labels (m, T), NaN where missing, and predictions (m, C) of the validation rows ``rows`` (m,).

    Predictions are as in `sma_core.models.ensemble.Predictions`. ``runs`` names the runs in messages.
    """

    targets: Targets
    rows: NDArray[np.int64]
    labels: Array
    predictions: Array
    runs: str = ""

    @classmethod
    def of(cls, models: Ensemble) -> Calibration:
        """Return the validation rows of a run; of several runs, with the means of their predictions.

        Raises `UserError` when labels belong to positions, the runs have other validation rows, or there are none.
        """
        if models.targets.per_position:
            raise UserError(
                "intervals and calibrated probabilities are those of rows: labels of positions have none"
            )
        parts = [_of_run(member) for member in models.members]
        first = parts[0]
        for member, other in zip(models.members[1:], parts[1:], strict=True):
            if not np.array_equal(first.rows, other.rows) or not np.array_equal(
                first.labels, other.labels, equal_nan=True
            ):
                raise UserError(
                    f"{models.first.path} and {member.path} have other validation rows, so the means of their "
                    "predictions cannot be calibrated: pass runs of one split (`split.seed`)"
                )
        return replace(first, predictions=np.mean([part.predictions for part in parts], axis=0))

    def known(self, target: int) -> NDArray[np.bool_]:
        """Return the rows (m,) that have a label of a target, and a finite prediction."""
        known: NDArray[np.bool_] = ~np.isnan(self.labels[:, target]) & np.isfinite(self.predictions).all(axis=1)
        return known

    def same_rows(self, rows: NDArray[np.int64], labels: Array) -> bool:
        """Return whether these are the validation rows themselves."""
        same = np.array_equal(rows, self.rows)
        return same and np.array_equal(labels, self.labels, equal_nan=True)


def write_calibration(path: Path) -> None:
    """Predict the validation rows of a fine-tuned run, and write them to its folder.

    Nothing is written for other runs. A calibration that cannot be written is a warning: the run is complete.
    """
    from safetensors.numpy import save

    try:
        policy = policy_of(path)
        run = LoadedRun.load(path, policy=policy, precision=None)
        if run.task_targets is None or run.task_targets.per_position:
            return
        with without_warnings():
            part = _predicted(run, policy)
        tensors = {"rows": part.rows, "labels": part.labels, "predictions": part.predictions}
        with replacing(path / FILE) as temporary:
            temporary.write_bytes(save({name: np.ascontiguousarray(array) for name, array in tensors.items()}))
    except ConfigError:  # no validation rows
        return
    except (SmaError, OSError) as error:
        logger.warning("the calibration of %s was not written: %s", path, error)


def _of_run(run: LoadedRun) -> Calibration:
    """Read the calibration of a finished run, or predict its validation rows when it has none."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = run.path / FILE
    if not run.record.finished or not file.exists():
        try:
            return _predicted(run)
        except ConfigError as error:
            raise UserError(f"{run.path} has no validation rows to calibrate with: {error}") from error
    targets = run.needed_targets()
    try:
        tensors = load_file(file)
        rows, labels, predictions = (tensors[name] for name in ("rows", "labels", "predictions"))
        shapes = (len(rows), len(targets.names)), (len(rows), targets.outputs)
        if (labels.shape, predictions.shape) != shapes:
            raise ValueError(f"shapes {labels.shape} and {predictions.shape} instead of {shapes}")
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"{file} is damaged ({error}): delete it, and the rows are predicted again"
        ) from error
    return Calibration(targets, rows, labels, predictions, str(run.path))


def _predicted(run: LoadedRun, policy: PluginPolicy | None = None) -> Calibration:
    judged = predict_part(run, "valid", policy)
    return Calibration(judged.targets, judged.rows, judged.labels, judged.predictions, str(run.path))
