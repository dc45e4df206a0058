"""Contract checks of heads, both for labels of rows and of positions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sma_core.plugins.specs import Head
from sma_kit.checks import small_heads
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail

CLOSE = 1e-4


class HeadChecks(Subject):
    """Checks of the outputs, training and saving of heads."""

    def test_heads_give_outputs_of_the_right_shape(self) -> None:
        """Heads return (B, outputs), or with per_position (B, N, outputs)."""
        for spec, factory in self._heads():
            with explained(f"the Head {spec.name!r} must be created by factory(model_config, outputs)"):
                shape = small_heads.shape(factory, rows=2, length=7, outputs=3)
            expected = (2, 7, 3) if spec.per_position else (2, 3)
            if shape != expected:
                fail(f"the Head {spec.name!r} must return outputs of shape {expected}, not {shape}")

    def test_heads_ignore_padding(self) -> None:
        """A row has the same outputs alone and padded, with both kinds of encoder."""
        for spec, factory in self._heads():
            with explained(f"the Head {spec.name!r} must accept padded rows"):
                gap = small_heads.padding_gap(factory, spec.per_position)
            if not gap <= CLOSE:
                fail(
                    f"the Head {spec.name!r} must return the same outputs for a row alone and padded: ignore "
                    "padding as marked by encoded.padding_mask and encoded.latents.real"
                )

    def test_heads_take_a_batch_of_one(self) -> None:
        """Training on a batch of one row works, for one input and for several."""
        for spec, factory in self._heads():
            with explained(f"the Head {spec.name!r} must train on one row"):
                finite = small_heads.trains_on_one_row(factory)
            if not finite:
                fail(f"the Head {spec.name!r} must train on one row: its loss is not finite")

    def test_heads_learn(self) -> None:
        """A few steps on one batch reduce its loss."""
        for spec, factory in self._heads():
            with explained(f"the Head {spec.name!r} must learn: its outputs need gradients"):
                before, after = small_heads.learn(factory)
            if not after < before:
                fail(
                    f"the Head {spec.name!r} must learn: a few steps change its loss from {before:.4g} "
                    f"to {after:.4g}"
                )

    def test_saved_heads_give_the_same_outputs(self) -> None:
        """Encoder and head give the same outputs after saving to and loading from a checkpoint."""
        for spec, factory in self._heads():
            rule = f"the Head {spec.name!r} must keep all its state in parameters and registered buffers"
            with explained(rule):
                same = small_heads.saved_outputs_are_the_same(factory)
            if not same:
                fail(f"{rule}: loaded from a checkpoint, its outputs differ")

    def _heads(self) -> Iterator[tuple[Head, Any]]:
        registry = self._registry()
        for spec in registry.specs(Head):
            with explained(f"the Head {spec.name!r} must be found"):
                factory = registry.build(spec)
            yield spec, factory
