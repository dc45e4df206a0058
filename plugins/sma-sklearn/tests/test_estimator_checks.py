"""scikit-learn's own checks of estimators, on a domain of numbers: which are passed, and which are not and why.

The same exceptions stand in ``docs/python.md``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import check_classifiers_train, check_estimator, check_regressors_train

import sma_core
from sma_sklearn import SMAClassifier, SMAFeaturizer, SMARegressor

pytestmark = pytest.mark.full
TINY = {"model.layers": 0, "model.latents": 4, "training.log_every": 1000, "training.epochs": 1.0}
LEARNING = TINY | {"training.epochs": 30.0, "training.learning_rate": 1e-2, "model.dropout": 0.0}
WIDTH = "it gives rows of another width than the run reads"
FEATURIZER: dict[str, str] = {
    "check_dtype_object": WIDTH,
    "check_estimators_dtypes": WIDTH,
    "check_fit_idempotent": WIDTH,
}
REPEATED = "repeated rows and weights of rows give other batches, so other weights of the network"
TOO_SHORT = "a few steps are too few for the score asked for; passed below, with more of them"
WEIGHTS = {"check_sample_weight_equivalence_on_dense_data": REPEATED}


def failures(estimator: BaseEstimator) -> dict[str, str]:
    """Run all checks; give the names and messages of those that fail."""
    found = check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(found) > 40
    return {each["check_name"]: str(each["exception"]) for each in found if each["status"] == "failed"}


@pytest.mark.parametrize("name", ["SMARegressor", "SMAClassifier"])
def test_what_is_fine_tuned_passes_all_checks_but_those_that_want_it_trained(numbers, name):
    estimator, checks = {
        "SMARegressor": (SMARegressor, {"check_regressors_train": TOO_SHORT} | WEIGHTS),
        "SMAClassifier": (SMAClassifier, {"check_classifiers_train": TOO_SHORT} | WEIGHTS),
    }[name]
    assert failures(estimator(domain=numbers, settings=TINY)).keys() <= checks.keys()


def test_with_some_training_these_are_passed_too(numbers):
    check_regressors_train("SMARegressor", SMARegressor(domain=numbers, settings=LEARNING))
    check_classifiers_train("SMAClassifier", SMAClassifier(domain=numbers, settings=LEARNING))


def test_a_featurizer_passes_the_checks_whose_rows_its_run_can_read(numbers, tmp_path):
    settings = {"training.steps": 1, "data.columns": ["height", "width", "depth"]}
    run = sma_core.train(numbers, settings=settings, out=tmp_path / "run").run
    found = failures(SMAFeaturizer(run))
    assert found.keys() == FEATURIZER.keys()
    assert all("reads rows of 3 numbers" in message for message in found.values())


def test_the_exceptions_are_documented():
    page = (Path(__file__).parents[3] / "docs" / "python.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in FEATURIZER | WEIGHTS)
