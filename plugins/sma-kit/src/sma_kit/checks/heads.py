"""The checks of the contract that are for heads, those of whole rows and those of every position."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sma_core.plugins.specs import Head
from sma_kit.checks import small_heads
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail

CLOSE = 1e-4


class HeadChecks(Subject):
    """Checks of what heads give, learn and keep."""

    def test_heads_give_outputs_of_the_right_shape(self) -> None:
        """Heads give (B, outputs), those that answer for every position (B, N, outputs)."""
        for spec, factory in self._heads():
            with explained(f"the Head {spec.name!r} must be made by factory(model_config, outputs)"):
                shape = small_heads.shape(factory, rows=2, length=7, outputs=3)
            due = (2, 7, 3) if spec.per_position else (2, 3)
            if shape != due:
                fail(f"the Head {spec.name!r} must give outputs of shape {due}, it gave {shape}")

    def test_heads_take_no_notice_of_padding(self) -> None:
        """A row has the same outputs alone and padded, with either kind of encoder."""
        for spec, factory in self._heads():
            with explained(f"the Head {spec.name!r} must give outputs for padded rows"):
                gap = small_heads.padding_gap(factory, spec.per_position)
            if not gap <= CLOSE:
                fail(
                    f"the Head {spec.name!r} must give a row the same outputs alone and padded: leave out what "
                    "encoded.padding_mask and encoded.latents.real say is no input"
                )

    def test_heads_take_a_batch_of_one(self) -> None:
        """One row trains by itself, be it of one input or of several."""
        for spec, factory in self._heads():
            with explained(f"the Head {spec.name!r} must train on a single row"):
                finite = small_heads.trains_on_one_row(factory)
            if not finite:
                fail(f"the Head {spec.name!r} must train on a single row: its outputs or gradients are not finite")

    def test_heads_learn(self) -> None:
        """A few steps on one batch make the loss of its labels smaller."""
        for spec, factory in self._heads():
            with explained(f"the Head {spec.name!r} must learn: its outputs need gradients"):
                before, after = small_heads.learn(factory)
            if not after < before:
                fail(
                    f"the Head {spec.name!r} must learn: a few steps on one batch take its loss from {before:.4g} "
                    f"to {after:.4g}"
                )

    def test_saved_heads_give_the_same_outputs(self) -> None:
        """Encoder and head that are saved in a checkpoint and loaded again give the same outputs."""
        for spec, factory in self._heads():
            what = f"the Head {spec.name!r} must keep all it has learned in parameters and registered buffers"
            with explained(what):
                same = small_heads.saved_outputs_are_the_same(factory)
            if not same:
                fail(f"{what}: loaded from a checkpoint, it gives other outputs")

    def _heads(self) -> Iterator[tuple[Head, Any]]:
        registry = self._registry()
        for spec in registry.specs(Head):
            with explained(f"the Head {spec.name!r} must be found"):
                factory = registry.build(spec)
            yield spec, factory
