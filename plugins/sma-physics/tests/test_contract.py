"""The contract that every domain holds to."""

import numpy as np
import pytest

from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Splitter
from sma_core.testing import DomainContract


class TestPhysics(DomainContract):
    domain = "physics"

    @pytest.mark.parametrize("rows", [30, 300, 40_000])
    def test_splitters_divide_all_rows(self, rows):
        """As the core's check, but splits for few labels leave rows out, which the spec allows."""
        registry = Registry.load("physics", PluginPolicy(frozenset({"physics"}), strict=True))
        for spec in registry.specs(Splitter):
            split = registry.build(spec)
            parts, again = split([""] * rows, 0.1, 0.1, 3), split([""] * rows, 0.1, 0.1, 3)
            together = np.concatenate(parts)
            assert {str(part.dtype) for part in parts} == {"int64"}
            assert all(len(part) for part in parts)
            assert len(np.unique(together)) == len(together)
            assert 0 <= together.min() <= together.max() < rows
            assert [part.tolist() for part in parts] == [part.tolist() for part in again]

    def _pretraining(self, recipe):
        """The core's probe has latents, which stand at no position; `test_plugin.py` takes the recipe as it is."""
        config = super()._pretraining(recipe)
        return config.model_copy(update={"masking": config.masking.model_copy(update={"mask_self": False})})
