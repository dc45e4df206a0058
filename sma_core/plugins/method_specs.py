"""Specs of parts of the method: masking strategies, losses, encoders, optimisers, …; and baselines.

As in `sma_core.plugins.specs`, each names its ``factory`` by reference, and is imported when it is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, get_args

from sma_core.plugins.specs import InputKind, Spec, TaskKind


@dataclass(frozen=True, kw_only=True)
class MaskingStrategy(Spec):
    """``factory(options)`` gives an object with the methods of `sma_core.nn.strategies.protocol.Strategy`.

    ``options`` is the table ``masking.options`` of the settings, empty by default. The object chooses what to hide
    in one batch (paper, section 3).

    >>> from sma_core.plugins.imports import resolve
    >>> spec = MaskingStrategy(name="any", summary="By chance", factory="sma_core.nn.strategies.random:Random")
    >>> strategy = resolve(spec.factory, "any")({})
    >>> strategy.guided, strategy.hides
    (False, True)
    """

    factory: str


@dataclass(frozen=True, kw_only=True)
class Loss(Spec):
    """``factory(decoder_config)`` gives a function ``(outputs, targets, mask) -> Reconstruction``.

    ``inputs`` are the kinds of input that it can reconstruct. Arguments as in `sma_core.nn.losses`.

    >>> spec = Loss(name="absolute", summary="Mean absolute error", inputs=("continuous",),
    ...             factory="my_package.losses:Absolute")
    >>> spec.references
    {'factory': 'my_package.losses:Absolute'}
    """

    factory: str
    inputs: tuple[InputKind, ...]

    def __post_init__(self) -> None:
        """Raise `ValueError` when there is no such kind of input."""
        super().__post_init__()
        _check_members(self, "inputs", self.inputs, get_args(InputKind))


@dataclass(frozen=True, kw_only=True)
class PositionEmbedding(Spec):
    """``factory(model_config, width)`` gives a `torch.nn.Module`, called with a length for ``(length, width)``.

    The rows of the result are the vectors of the first positions of a row, which must not depend on the length.

    >>> from sma_core.config import ModelConfig
    >>> from sma_core.plugins.imports import resolve
    >>> spec = PositionEmbedding(name="any", summary="A table", factory="sma_core.nn.positions.learned:Learned")
    >>> resolve(spec.factory, "any")(ModelConfig(), 16)(5).shape
    torch.Size([5, 16])
    """

    factory: str


@dataclass(frozen=True, kw_only=True)
class EncoderType(Spec):
    """``factory(model_config)`` gives a `sma_core.nn.encoders.encoder.Encoder`, with initialised parameters.

    ``model_config`` is the `ModelConfig`, with the table ``encoder_options``. Subclass one of the built-in
    encoders, or their base class.

    >>> from sma_core.config import ModelConfig
    >>> from sma_core.plugins.imports import resolve
    >>> folder = "sma_core.nn.encoders"
    >>> spec = EncoderType(name="own", summary="As it is", factory=f"{folder}.self_attention:SelfAttentionEncoder")
    >>> resolve(spec.factory, "own")(ModelConfig(latent_width=256)).depth
    6
    """

    factory: str


@dataclass(frozen=True, kw_only=True)
class Augmentation(Spec):
    """``factory(model_config, options)`` gives a function ``(inputs, padding_mask, generator) -> inputs``.

    It changes the rows of a training batch at random, in fine-tuning only: ids (B, N), or standardised numbers
    (B, N, C), NaN where missing; shape and type stay, and ``inputs`` itself is not modified. All chance must come
    from ``generator``. ``options`` is the table ``training.augmentation_options``.

    >>> spec = Augmentation(name="jitter", summary="Gaussian noise", factory="my_package.augmentations:jitter")
    >>> spec.references
    {'factory': 'my_package.augmentations:jitter'}
    """

    factory: str


@dataclass(frozen=True, kw_only=True)
class Optimizer(Spec):
    """``factory(groups, config)`` gives a `torch.optim.Optimizer`.

    ``groups`` are parameter groups with ``params``, ``weight_decay`` and ``share`` (of the learning rate), to be
    passed to the optimiser unchanged. ``config`` is the `TrainingConfig`, with ``learning_rate`` and the table
    ``optimizer_options``.

    >>> spec = Optimizer(name="sgd", summary="SGD with momentum", factory="my_package.optimizers:sgd")
    >>> spec.name
    'sgd'
    """

    factory: str


@dataclass(frozen=True, kw_only=True)
class Schedule(Spec):
    """``factory`` is a function ``(step, steps) -> factor`` of the highest learning rate, from 0 to 1.

    ``steps`` is the number of steps after the warm-up, ``step`` is one of them, counted from 0.

    >>> from sma_core.plugins.imports import resolve
    >>> spec = Schedule(name="half", summary="Half a cosine", factory="sma_core.training.schedules.cosine:cosine")
    >>> resolve(spec.factory, "half")(0, 10), round(resolve(spec.factory, "half")(5, 10), 6)
    (1.0, 0.5)
    """

    factory: str


@dataclass(frozen=True, kw_only=True)
class Metric(Spec):
    """``factory`` is a function ``(labels, predictions) -> float``, NaN where the metric is undefined.

    ``labels`` (n,) are known labels of one target. ``predictions`` are values (n,) in the labels' units for
    ``regression``, probabilities (n,) for ``binary`` and ``multilabel``, probabilities (n, C) for
    ``multiclass``, and classes (n, 1) for ``per-position``. A parameter ``weights`` (n,), weights of rows that
    may be negative, is optional: without it, the metric is left out when rows have weights; without a default
    for it, when they have none. `kinds` are the kinds of task that have the metric. It is computed only with
    ``more_classes_than`` classes. The decorator `sma_core.plugins.metrics` makes a spec from a function.

    >>> spec = Metric(name="bias", summary="Mean error", kinds=("regression",), higher_is_better=False,
    ...               factory="my_package.metrics:bias")
    >>> spec.more_classes_than
    0
    """

    NAME: ClassVar[re.Pattern[str]] = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")

    factory: str
    kinds: tuple[TaskKind, ...]
    higher_is_better: bool
    more_classes_than: int = 0

    def __post_init__(self) -> None:
        """Raise `ValueError` when there is no such kind of task."""
        super().__post_init__()
        _check_members(self, "kinds", self.kinds, get_args(TaskKind))


@dataclass(frozen=True, kw_only=True)
class Baseline(Spec):
    """``factory`` is a function ``(rows) -> predictions``: another model, to compare a fine-tuning with.

    ``rows`` is a `sma_core.evaluation.baselines.BaselineRows` of n rows. The predictions are values or
    probabilities (n, T), or probabilities (n, C) for ``multiclass``. ``kinds`` are the kinds of labels that it
    supports. It should take seconds, since it runs at the end of every `sma finetune`.

    >>> spec = Baseline(name="letters", summary="A linear model of letters", kinds=("regression",),
    ...                 factory="my_package.baselines:letters")
    >>> spec.kinds
    ('regression',)
    """

    factory: str
    kinds: tuple[TaskKind, ...]

    def __post_init__(self) -> None:
        """Raise `ValueError` when there is no such kind of labels."""
        super().__post_init__()
        _check_members(self, "kinds", self.kinds, get_args(TaskKind))


def _check_members(spec: Spec, field: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Raise `ValueError` when a field is empty or holds a value that is not known."""
    for value in values or (None,):
        if value not in known:
            raise ValueError(
                f"{type(spec).__name__} {spec.name!r}: {field} holds some of {', '.join(known)}, not {value!r}"
            )
