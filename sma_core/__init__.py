"""Self-guided masked autoencoders for data of any domain (arXiv 2402.14789).

The verbs are functions: ``sma_core.train(domain=…)``, ``sma_core.finetune(…)``, ``sma_core.predict(…)``,
``sma_core.evaluate(…)``, ``sma_core.embed(…)``, ``sma_core.probe(…)``, ``sma_core.masks(…)``,
``sma_core.benchmark(…)``, ``sma_core.import_authors(…)``, ``sma_core.export_authors(…)``,
``sma_core.inspect_data(…)``, ``sma_core.list_data(…)``.
``sma_core.load(run)`` gives a run in memory, for rows that are in memory too; ``SMAFeaturizer``, ``SMARegressor``
and ``SMAClassifier`` are estimators for scikit-learn.
All are imported when first used, so that ``import sma_core`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sma_core.verbs.benchmark import benchmark as benchmark
    from sma_core.verbs.embed import embed as embed
    from sma_core.verbs.estimators import SMAClassifier as SMAClassifier
    from sma_core.verbs.estimators import SMARegressor as SMARegressor
    from sma_core.verbs.evaluate import evaluate as evaluate
    from sma_core.verbs.export_authors import export_authors as export_authors
    from sma_core.verbs.featurizer import SMAFeaturizer as SMAFeaturizer
    from sma_core.verbs.finetune import finetune as finetune
    from sma_core.verbs.import_authors import import_authors as import_authors
    from sma_core.verbs.inspect_data import inspect_data as inspect_data
    from sma_core.verbs.list_data import list_data as list_data
    from sma_core.verbs.loaded import load as load
    from sma_core.verbs.masks import masks as masks
    from sma_core.verbs.predict import predict as predict
    from sma_core.verbs.probe import probe as probe
    from sma_core.verbs.train import train as train

__all__ = [
    "SMAClassifier",
    "SMAFeaturizer",
    "SMARegressor",
    "benchmark",
    "embed",
    "evaluate",
    "export_authors",
    "finetune",
    "import_authors",
    "inspect_data",
    "list_data",
    "load",
    "masks",
    "predict",
    "probe",
    "train",
]

_MODULES = {
    "SMAClassifier": "estimators",
    "SMAFeaturizer": "featurizer",
    "SMARegressor": "estimators",
    "load": "loaded",
}
"""Modules of `sma_core.verbs` that are not called as what they give."""


def __getattr__(name: str) -> object:
    """Import a verb on first use."""
    if name in __all__:
        return getattr(import_module(f"sma_core.verbs.{_MODULES.get(name, name)}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
