"""Interface of position embeddings: modules that give the vectors of the first positions of a row.

Shapes: N padded length, W width of the vectors.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from sma_core.config.models import ModelConfig

PositionFactory = Callable[[ModelConfig, int], nn.Module | None]
"""``factory(model_config, W)`` gives a module, called with N for ``(N, W)``; None if positions have no vectors.

It is called for the embedding, and for the queries of the decoder unless ``model.decoder.shared_queries`` is set.
The vector of a position must not depend on N. Parameters are initialised as all others (`sma_core.nn.parameters`).
"""
