"""Contract checks of masking strategies, losses, positions, encoders, optimisers, schedules and metrics."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from sma_core.plugins.imports import resolve
from sma_core.plugins.method_specs import (
    Augmentation,
    EncoderType,
    Loss,
    MaskingStrategy,
    Metric,
    Optimizer,
    PositionEmbedding,
    Schedule,
)
from sma_core.plugins.specs import Spec
from sma_kit.checks import small_methods
from sma_kit.checks.small_encoders import fault_of_encoder
from sma_kit.checks.small_models import ENCODERS
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail, skip

if TYPE_CHECKING:
    from torch import Tensor

    from sma_core.nn.masking import Mask

S = TypeVar("S", bound=Spec)


class MethodChecks(Subject):
    """Checks of the parts of the method that the plugin adds."""

    def test_masking_strategies_hide_real_positions(self) -> None:
        """Masks hide no padding or missing value, leave an input of each row visible, and list what they hide."""
        from sma_core.nn.masking import seen_rankings

        for spec, factory in self._own_parts(MaskingStrategy):
            with explained(f"the MaskingStrategy {spec.name!r} must be created by factory(options)"):
                strategy = factory({})
            for encoder in ENCODERS:
                with explained(f"the MaskingStrategy {spec.name!r} must choose masks with a {encoder} encoder"):
                    with seen_rankings() as rankings:
                        mask, real = small_methods.choose_mask(strategy, encoder)
                    fault = _fault_of_mask(mask, real, strategy)
                    if any(bool(ranking.isnan().any()) for ranking in rankings):
                        fault = "rank positions by numbers, not NaN"
                if fault:
                    fail(f"the MaskingStrategy {spec.name!r} must {fault}")

    def test_masking_strategies_repeat_themselves(self) -> None:
        """The same batch and noise give the same mask: all chance comes from the noise."""
        for spec, factory in self._own_parts(MaskingStrategy):
            with explained(f"the MaskingStrategy {spec.name!r} must choose masks"):
                strategy = factory({})
                first, second = (small_methods.choose_mask(strategy, "cross-attention")[0] for _ in range(2))
                same = bool((first.hidden == second.hidden).all())
            if not same:
                fail(
                    f"the MaskingStrategy {spec.name!r} must choose the same mask for the same situation: take "
                    "all chance from situation.noise, or a resumed run differs from one that was not stopped"
                )

    def test_losses_score_the_positions_that_count(self) -> None:
        """Losses are finite, also when no position counts, and only positions that count have a gradient."""
        from sma_core.config import DecoderConfig

        for spec, factory in self._own_parts(Loss):
            for kind in spec.inputs:
                with explained(f"the Loss {spec.name!r} must score {kind} inputs"):
                    loss = factory(DecoderConfig())
                    result, gradient, counts = small_methods.reconstruct(loss, kind == "discrete", masked=True)
                    empty, _, _ = small_methods.reconstruct(loss, kind == "discrete", masked=False)
                    values = (float(result.loss.detach()), float(empty.loss.detach()))
                    reached = gradient != 0  # (B, K, V or C)
                if not all(map(math.isfinite, values)):
                    fail(f"the Loss {spec.name!r} must be finite, also when no position counts, not {values}")
                if not bool((reached.any(dim=-1) == counts.any(dim=-1)).all() and not (reached & ~counts).any()):
                    fail(
                        f"the Loss {spec.name!r} must depend on the outputs where mask.valid, with the parameter "
                        "known also where that is True, and on no others"
                    )
                if not math.isclose(float(result.scored), float(counts.double().mean(dim=-1).sum()), rel_tol=1e-5):
                    fail(
                        f"the Loss {spec.name!r} must return mask.valid.sum() as scored, with the parameter known "
                        "the number of known values at these positions, divided by that of channels"
                    )

    def test_position_embeddings_tell_positions_apart(self) -> None:
        """Positions have finite vectors of the width asked for, which differ and do not depend on the length."""
        for spec, factory in self._own_parts(PositionEmbedding):
            with explained(
                f"the PositionEmbedding {spec.name!r} must be created by factory(model_config, width), and called "
                "with a length"
            ):
                fault = small_methods.fault_of_positions(factory)
            if fault:
                fail(f"the PositionEmbedding {spec.name!r} must {fault}")

    def test_encoders_read_visible_positions_only(self) -> None:
        """Encoders give vectors of the latent width, which depend on no hidden position and on no padding."""
        for spec, factory in self._own_parts(EncoderType):
            with explained(
                f"the encoder {spec.name!r} must be created by factory(model_config), and encode rows with and "
                "without hidden positions"
            ):
                fault = fault_of_encoder(factory)
            if fault:
                fail(f"the encoder {spec.name!r} must {fault}")

    def test_augmentations_keep_shapes_and_repeat_themselves(self) -> None:
        """Augmentations keep shape and type, do not modify their input, and take all chance from the generator."""
        for spec, factory in self._own_parts(Augmentation):
            rule = f"the Augmentation {spec.name!r} must be created by factory(model_config, options), and called"
            with explained(f"{rule} with inputs, padding_mask and generator"):
                fault = self._fault_of_augmentation(factory)
            if fault:
                fail(f"the Augmentation {spec.name!r} must {fault}")

    def test_optimizers_reduce_a_loss(self) -> None:
        """A few steps reduce the loss of a linear map."""
        for spec, factory in self._own_parts(Optimizer):
            with explained(f"the Optimizer {spec.name!r} must be created by factory(groups, training_config)"):
                before, after = small_methods.losses_of_training(factory)
            if not after < before:
                fail(
                    f"the Optimizer {spec.name!r} must reduce a loss: a few steps change it from {before:.4g} to "
                    f"{after:.4g}"
                )

    def test_optimizers_resume_exactly(self) -> None:
        """Saved and restored, an optimiser goes on to the same weights."""
        for spec, factory in self._own_parts(Optimizer):
            with explained(f"the Optimizer {spec.name!r} must be saved and restored"):
                same = small_methods.resumes_exactly(factory)
            if not same:
                fail(
                    f"the Optimizer {spec.name!r} must keep all its state in optimizer.state[parameter], as "
                    "tensors or numbers: restored from a checkpoint, it gives other weights"
                )

    def test_schedules_are_factors(self) -> None:
        """Schedules return a factor from 0 to 1 for each step, for runs of one step and of many."""
        for spec, function in self._own_parts(Schedule):
            for steps in (1, 2, 10, 1000):
                for step in range(steps):
                    with explained(f"the Schedule {spec.name!r} must return a factor for step {step} of {steps}"):
                        factor = float(function(step, steps))
                    if not 0 <= factor <= 1:
                        fail(
                            f"the Schedule {spec.name!r} must return a factor from 0 to 1, not {factor} "
                            f"for step {step} of {steps}"
                        )

    def test_metrics_prefer_right_predictions(self) -> None:
        """Right predictions have a better value than wrong ones, in the direction of higher_is_better."""
        for spec, function in self._own_parts(Metric):
            for kind in spec.kinds:
                right, wrong = (float(value) for value in _values(spec, function, kind))
                better = right > wrong if spec.higher_is_better else right < wrong
                if not better:
                    fail(
                        f"the Metric {spec.name!r} must be {'larger' if spec.higher_is_better else 'smaller'} for "
                        f"right predictions of a {kind} task than for wrong ones, but it is {right:.4g} and "
                        f"{wrong:.4g}: change the function or higher_is_better"
                    )

    def test_metrics_change_nothing_and_take_few_rows(self) -> None:
        """Metrics leave their arrays alone, and return a number, perhaps NaN, also for a single row."""
        for spec, function in self._own_parts(Metric):
            for kind in spec.kinds:
                labels, predictions, _ = small_methods.labels_and_predictions(kind, _classes(spec))
                before = labels.copy(), predictions.copy()
                with explained(f"the Metric {spec.name!r} must return a number, NaN where it is undefined"):
                    few = labels[:1].copy(), predictions[:1].copy()
                    values = (
                        float(function(labels, predictions, **_weights(function, labels))),
                        float(function(*few, **_weights(function, labels[:1]))),
                    )
                if any(map(math.isinf, values)):
                    fail(f"the Metric {spec.name!r} must return NaN where it is undefined, not infinity")
                if any((one != other).any() for one, other in zip(before, (labels, predictions), strict=True)):
                    fail(f"the Metric {spec.name!r} must not change labels or predictions")

    def _fault_of_augmentation(self, factory: Any) -> str:  # noqa: ANN401 - see Augmentation
        """Try inputs of the domain's kind; for an extension of every domain numbers, and if they fail, ids."""
        if hasattr(self, "domain"):
            return small_methods.fault_of_augmentation(factory, self._registry().domain.input_kind == "discrete")
        try:
            fault = small_methods.fault_of_augmentation(factory, discrete=False)
        except Exception:
            fault = "fail"
        return fault and small_methods.fault_of_augmentation(factory, discrete=True)

    def _own_parts(self, kind: type[S]) -> Iterator[tuple[S, Any]]:
        """Yield the plugin's specs of one kind with what their factories name; skip when there is none."""
        specs = [spec for spec in self._plugin_specs() if isinstance(spec, kind)]
        if not specs:
            skip(f"the plugin has no {kind.__name__}")
        for spec in specs:
            with explained(f"the {kind.__name__} {spec.name!r} must be found"):
                factory = resolve(spec.references["factory"], f"the {kind.__name__} {spec.name!r}")
            yield spec, factory


def _classes(spec: Metric) -> int:
    return max(3, spec.more_classes_than + 1)


def _values(spec: Metric, function: Any, kind: str) -> Iterator[float]:  # noqa: ANN401 - see Metric
    labels, *both = small_methods.labels_and_predictions(kind, _classes(spec))
    for predictions in both:
        with explained(f"the Metric {spec.name!r} must compute labels and predictions of a {kind} task"):
            yield function(labels, predictions, **_weights(function, labels))


def _weights(function: Any, labels: Any) -> dict[str, Any]:  # noqa: ANN401 - see Metric
    """Return equal weights of rows for a metric that takes weights."""
    import numpy as np

    return {"weights": np.ones(len(labels))} if "weights" in inspect.signature(function).parameters else {}


def _fault_of_mask(mask: Mask, real: Tensor, strategy: Any) -> str:  # noqa: ANN401 - see Strategy
    """Return what a mask must do and does not; empty when it is good. ``real`` (B, N): what may be hidden."""
    import torch

    from sma_core.nn.part_faults import fault_of_mask

    if wrong := fault_of_mask(mask, real):
        return f"return {wrong}"
    visible = real & ~mask.hidden
    listed = torch.zeros_like(real).scatter(1, mask.positions, mask.valid)
    if bool((mask.hidden & ~real).any()):
        return (
            "hide no padding and no missing value: situation.padding_mask is True where an input may be hidden, "
            "and may be False anywhere in a row"
        )
    if not bool(visible.any(dim=1).all()):
        return "leave at least one input of every row visible"
    if bool(mask.hidden.any()) != bool(strategy.hides):
        return f"agree with its attribute hides, which is {strategy.hides}"
    if bool((listed & ~real).any() or (mask.hidden & ~listed).any()):
        return "list every hidden position, and no padding, in positions where valid"
    bound = strategy.most_visible(real.shape[1], small_methods.masking_settings())
    if int(visible.sum(dim=1).max()) > bound:
        return f"leave no more inputs visible than its most_visible, {bound}"
    return ""
