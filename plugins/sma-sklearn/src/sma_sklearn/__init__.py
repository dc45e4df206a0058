"""scikit-learn estimators for sma: a featurizer, a regressor and a classifier."""

from sma_sklearn.estimators import SMAClassifier, SMARegressor
from sma_sklearn.featurizer import SMAFeaturizer

__all__ = ["SMAClassifier", "SMAFeaturizer", "SMARegressor"]
