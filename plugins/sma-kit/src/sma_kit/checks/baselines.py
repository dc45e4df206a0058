"""Contract checks of baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sma_core.plugins.imports import resolve
from sma_core.plugins.method_specs import Baseline
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail, needs_missing_package, skip

if TYPE_CHECKING:
    from sma_core.evaluation.baselines import BaselineRows

ROWS, TRAIN, VALID = 60, 40, 10
COLUMNS: dict[str, tuple[int, tuple[str, ...]]] = {
    "regression": (1, ()),
    "binary": (1, ()),
    "multilabel": (2, ()),
    "multiclass": (1, ("a", "b", "c")),
    "per-position": (0, ("a", "b")),
}
"""Per kind of labels: number of targets, and names of the classes."""


class BaselineChecks(Subject):
    """Checks of the baselines that the plugin adds."""

    def test_baselines_predict_every_row(self) -> None:
        """A baseline returns finite predictions for all rows, of the right shape, for each of its kinds."""
        import numpy as np

        specs = [spec for spec in self._plugin_specs() if isinstance(spec, Baseline)]
        if not specs:
            skip("the plugin has no Baseline")
        for spec in specs:
            for kind in spec.kinds:
                rows = self._baseline_rows(kind)
                with explained(f"the Baseline {spec.name!r} must predict {kind} labels"):
                    predictions = _predictions(spec, rows)
                expected = (ROWS, rows.columns)
                if predictions.shape != expected or not np.isfinite(predictions).all():
                    fail(
                        f"the Baseline {spec.name!r} must return finite predictions of shape {expected} for "
                        f"{kind} labels, not {predictions.shape}"
                    )

    def _baseline_rows(self, kind: str) -> BaselineRows:
        """Return rows of the domain with labels of a kind; those of the last rows, the test, are NaN."""
        import numpy as np

        from sma_core.evaluation.baselines import BaselineRows

        targets, classes = COLUMNS[kind]
        random = np.random.default_rng(0)
        values = random.integers(0, len(classes) or 2, (ROWS, targets)).astype(np.float64)
        labels = random.normal(size=(ROWS, targets)) if kind == "regression" else values
        labels[TRAIN + VALID :] = np.nan
        train, valid = np.arange(TRAIN), np.arange(TRAIN, TRAIN + VALID)
        return BaselineRows(self._baseline_inputs(), labels, kind, classes, train, valid, 0)

    def _baseline_inputs(self) -> Any:  # noqa: ANN401 - texts or an array, see BaselineRows
        """Return the good rows, repeated, or the first rows of numbers or sequences of the sample."""
        import numpy as np

        if self._registry().domain.input_kind == "continuous":
            _, blocks = self._blocks(self._numbers())
            if blocks[0].offsets is not None:
                sequences = blocks[0].sequences
                return [sequences[row % len(sequences)] for row in range(ROWS)]
            return np.resize(blocks[0].values, (ROWS, blocks[0].values.shape[1]))
        texts = self._good_rows()
        return [texts[row % len(texts)] for row in range(ROWS)]


def _predictions(spec: Baseline, rows: BaselineRows) -> Any:  # noqa: ANN401 - whatever the plugin returns
    """Call the baseline; skip when it needs a package that is not installed."""
    import numpy as np

    try:
        return np.asarray(resolve(spec.factory, f"the Baseline {spec.name!r}")(rows))
    except Exception as error:
        if needs_missing_package(error) or isinstance(error.__cause__, ModuleNotFoundError):
            skip(f"the Baseline {spec.name!r} needs a package that is not installed: {error}")
        raise
