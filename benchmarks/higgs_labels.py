"""LightGBM on the same labels that `sma finetune` gets: `python benchmarks/higgs_labels.py --tasks higgs-1k`.

What a user would pick instead. For each task and seed it reads the split that sma makes (same splitter, same
seed), trains LightGBM with early stopping on the validation rows, and prints accuracy and ROC-AUC on the test
rows. Needs `pip install lightgbm`, and the rows in SMA_DATA.
"""

from __future__ import annotations

import argparse
import statistics

import lightgbm
import numpy as np
from sklearn.metrics import accuracy_score, roc_auc_score

from sma_core.config import DataConfig
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Splitter, Task
from sma_core.verbs.datasets import find_source


def read(registry: Registry, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Return features (n, F) and labels (n,) of a task's set."""
    source = find_source(registry, DataConfig(), task.dataset)
    read_blocks = registry.build(source.reader)
    blocks = list(read_blocks(source.path, source.columns, task.targets, names=source.names))
    values = np.concatenate([block.values for block in blocks])
    return values, np.concatenate([np.asarray(block.fields[0], dtype=np.float64) for block in blocks])


def figures(
    values: np.ndarray, labels: np.ndarray, parts: tuple[np.ndarray, ...], seed: int
) -> tuple[float, float]:
    """Train on the first part, stop on the second, judge the third."""
    train, valid, test = parts
    model = lightgbm.LGBMClassifier(n_estimators=2000, learning_rate=0.03, random_state=seed, verbose=-1)
    model.fit(
        values[train],
        labels[train],
        eval_set=[(values[valid], labels[valid])],
        callbacks=[lightgbm.early_stopping(50, verbose=False)],
    )
    found = model.predict_proba(values[test])[:, 1]
    return accuracy_score(labels[test], found > 0.5), roc_auc_score(labels[test], found)


def main() -> None:
    """Print a table row for each task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=["higgs-1k"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    registry = Registry.load("physics")
    print("| task | metric | model | test, mean ± std | each seed |\n| --- | --- | --- | --- | --- |")
    for name in arguments.tasks:
        task = registry.find(Task, name)
        values, labels = read(registry, task)
        split = registry.build(registry.find(Splitter, task.splitter))
        found = [
            figures(values, labels, split([""] * len(values), 0.1, 0.1, seed), seed) for seed in arguments.seeds
        ]
        for metric, column in zip(("accuracy", "roc_auc"), zip(*found, strict=True), strict=True):
            each = ", ".join(f"{value:.3f}" for value in column)
            test = f"{statistics.mean(column):.3f} ± {statistics.stdev(column):.3f}"
            print(f"| {name} | {metric} | LightGBM | {test} | {each} |", flush=True)


if __name__ == "__main__":
    main()
