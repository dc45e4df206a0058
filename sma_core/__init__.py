"""Self-guided masked autoencoders for data of any domain (arXiv 2402.14789).

The verbs are functions: ``sma_core.train(domain=…)``, ``finetune``, ``evaluate``, ``predict``, ``embed`` and
``show_config``. ``sma_core.load(run)`` loads a run for rows in memory. Each is imported on first use, so that
``import sma_core`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sma_core.models.load import load as load
    from sma_core.verbs.embed import embed as embed
    from sma_core.verbs.evaluate import evaluate as evaluate
    from sma_core.verbs.finetune import finetune as finetune
    from sma_core.verbs.predict import predict as predict
    from sma_core.verbs.show_config import show_config as show_config
    from sma_core.verbs.train import train as train

__all__ = ["embed", "evaluate", "finetune", "load", "predict", "show_config", "train"]


def __getattr__(name: str) -> object:
    """Import a public function on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "models" if name == "load" else "verbs"
    return getattr(import_module(f"sma_core.{room}.{name}"), name)
