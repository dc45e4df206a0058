"""Ridge regression of solubility (ESOL) on a run's vectors and on Morgan fingerprints.

    SMA_DATA=FOLDER python benchmarks/esol_pipeline.py RUN

RUN is a run of ``sma train --domain chem``. Rows are split with the plugin's scaffold-balanced split; the
penalties are selected by cross-validation on the training rows.
"""

from __future__ import annotations

import csv
import gzip
import os
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sma_chem.fingerprints import fingerprints
from sma_chem.scaffolds import scaffold_balanced_split
from sma_sklearn import SMAFeaturizer

TARGET = "measured log solubility in mols per litre"
PENALTIES = np.logspace(-2, 4, 13)


def main() -> None:
    """Fit both pipelines on several splits and print their test errors."""
    path = Path(os.environ["SMA_DATA"]) / "chem" / "delaney-processed.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    smiles, labels = [row["smiles"] for row in rows], np.array([float(row[TARGET]) for row in rows])
    errors: dict[str, list[float]] = {}
    for seed in range(3):
        train, valid, test = scaffold_balanced_split(smiles, 0.1, 0.1, seed)
        learn = np.concatenate([train, valid])  # RidgeCV cross-validates
        for name, features in {
            "run": make_pipeline(SMAFeaturizer(sys.argv[1]), StandardScaler()),
            "Morgan fingerprints": FunctionTransformer(fingerprints),
        }.items():
            model = make_pipeline(features, RidgeCV(alphas=PENALTIES))
            model.fit([smiles[row] for row in learn], labels[learn])
            predictions = model.predict([smiles[row] for row in test])
            errors.setdefault(name, []).append(float(root_mean_squared_error(labels[test], predictions)))
    for name, values in errors.items():
        print(
            f"{name}: test RMSE {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}, splits {np.round(values, 3)}"
        )


if __name__ == "__main__":
    main()
