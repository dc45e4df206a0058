"""scikit-learn estimators on top of sma runs: a featurizer, a regressor and a classifier."""
