"""Standardise numeric features with the mean and standard deviation of the training rows.

Letters: n rows, F features.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from sma_core.data.unusual_rows.fill_values import ValueSample
from sma_core.documents import first_fault
from sma_core.errors import DataError
from sma_core.printable import counted

Transforms = Sequence[tuple[str, str]]
"""Pairs of a feature and a function, ``log`` or ``asinh``."""
TREATMENTS = {
    "learned": "the model reads as missing (model.missing_values=learned)",
    "mean": "are replaced by the mean (model.missing_values=mean)",
}
"""What happens to missing values, by ``model.missing_values``."""
OF_TRAINING_ROWS = "share of the values in training rows"
"""What the shares of missing values are."""
FARTHEST = 1e15
"""Distance from the mean, in standard deviations, beyond which a value cannot be read."""
LARGEST_SPREAD = 1e15
"""Standard deviation of a feature from which it has fill values, if that is larger than its mean."""
STEP, COARSE = 2.0**-23, 0.01
"""Distance of neighbouring float32 numbers, relative to their size; its largest share of a standard deviation."""
ROUNDED = "are rounded to float32, some 7 digits"
NEGLIGIBLE = 1e-9
"""Standard deviation, relative to the mean, up to which a feature is constant: below the precision of float32."""


@dataclass(frozen=True)
class FeatureScale:
    """Names, means and standard deviations (``spread``) of F features.

    ``transforms`` are pairs of a feature and the function of its values, ``log`` or ``asinh``, that is
    standardised. ``constant``, ``missing`` and ``duplicates`` name features that tell the model nothing: the same
    in all rows, without any value, and equal to the feature of the pair before it. ``missing_shares`` are pairs of
    a feature with missing values and their share. ``fill_values`` are a feature that is not transformed, a value
    that may stand for missing ones, and its share.
    """

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    transforms: tuple[tuple[str, str], ...] = ()
    constant: tuple[str, ...] = field(default=(), compare=False)
    missing: tuple[str, ...] = field(default=(), compare=False)
    duplicates: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    missing_shares: tuple[tuple[str, float], ...] = field(default=(), compare=False)
    fill_values: tuple[tuple[str, float, float], ...] = field(default=(), compare=False)

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return standardised values (n, F) as a new array; missing ones stay NaN.

        Raises `DataError` for a value without a logarithm that ``transforms`` takes.
        """
        numbers = transformed(values, self.columns, self.transforms)
        scaled: NDArray[np.float64] = (numbers - np.asarray(self.mean)) / np.asarray(self.spread)
        return scaled.astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``model.json`` and the store."""
        facts: dict[str, Any] = {
            "columns": list(self.columns),
            "mean": list(self.mean),
            "spread": list(self.spread),
        }
        facts |= {"transforms": [*map(list, self.transforms)]} if self.transforms else {}
        useless = {"constant": self.constant, "missing": self.missing, "duplicates": self.duplicates}
        listed = useless | {"missing_shares": self.missing_shares, "fill_values": self.fill_values}
        return facts | {name: [*features] for name, features in listed.items() if features}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Self:
        """Rebuild what `to_json` wrote; raises `ValueError` when it is damaged."""
        try:
            scale: Self = TypeAdapter(cls).validate_python(facts)
        except ValidationError as error:
            raise ValueError(first_fault(error)) from error
        check_numbers(scale.mean, len(scale.columns), "mean")
        check_numbers(scale.spread, len(scale.columns), "spread", positive=True)
        return scale

    def warnings(self, treatment: str | None) -> list[str]:
        """Return a sentence for each kind of useless features, and one on missing values with their ``treatment``.

        None leaves that one out.
        """
        equal = [f"{second} (as {first})" for first, second in self.duplicates]
        spreads = zip(self.columns, self.mean, self.spread, strict=True)
        plain = [each for each in spreads if each[0] not in dict(self.transforms)]
        huge = [name for name, mean, spread in plain if spread > max(LARGEST_SPREAD, abs(mean))]
        coarse = [
            name
            for name, mean, spread in plain
            if name not in self.constant and STEP * abs(mean) > COARSE * spread and name not in huge
        ]
        large = {name for name, mean, _ in plain if abs(mean) > 1 / STEP}
        kinds = {
            "have the same value in all training rows": [name for name in self.constant if name not in large],
            f"{ROUNDED}, so that all training rows have the same value": [
                name for name in self.constant if name in large
            ],
            f"{ROUNDED}, which is coarse for their differences: subtract a constant in the file": coarse,
            "have no value in any training row": self.missing,
            "are equal to another feature in all training rows": equal,
            "have values so large that all others are nearly equal, perhaps fill values for data.sentinels": huge,
        }
        sentences = [
            f"features that {what}: {_listed(names)}; name the features to use with data.columns"
            for what, names in kinds.items()
            if names
        ]
        fills = [f"{name} ({value:g} in {100 * share:.3g} %)" for name, value, share in self.fill_values]
        if fills:
            sentences.append(
                f"features with a value far from all others in many rows: {_listed(fills)}; if it means missing, "
                "name it in data.sentinels"
            )
        partly = sorted(((share, name) for name, share in self.missing_shares if share < 1), reverse=True)
        if partly and treatment is not None:
            shares = _listed([f"{name} {100 * share:.3g} %" for share, name in partly])
            count = f"{len(partly)} of {counted(len(self.columns), 'feature')}"
            sentences.append(f"missing values in {count}, which {treatment}; {OF_TRAINING_ROWS}: {shares}")
        return sentences

    def unreadable(self, values: NDArray[np.float32]) -> dict[int, str]:
        """Return row -> reason for the rows of values (n, F) that the model cannot read.

        They have a value whose logarithm is not defined, or one so far from the training rows that the network
        would overflow, such as the fill values of some formats.
        """
        far = np.abs((values - np.asarray(self.mean)) / np.asarray(self.spread)) > FARTHEST
        plain = np.array([name not in dict(self.transforms) for name in self.columns])
        reasons: dict[int, str] = {}
        for row, place in np.argwhere(far & plain).tolist():
            name, value = self.columns[place], values[row, place]
            reasons[row] = f"out of range: {name} is {value:g}; data.sentinels names values that mean missing ones"
        for name, function in self.transforms:
            column = values[:, self.columns.index(name)]
            if function == "log":
                rows = np.flatnonzero(column <= 0).tolist()
                reasons |= {row: f"no logarithm: {name} is {column[row]:g}" for row in rows}
        return reasons

    def check_columns(self, columns: Sequence[str], where: str) -> None:
        """Raise `DataError` when ``columns`` differ from these features or their order."""
        if tuple(columns) != self.columns:
            raise DataError(
                f"{where} gives the features {_listed(columns)}, but the model reads {_listed(self.columns)}: "
                "name these columns in this order with data.columns"
            )


class ScaleSums:
    """Running mean and variance in float64, numerically stable for means far from 0."""

    def __init__(self, features: int) -> None:
        self._rows = 0
        self._count = np.zeros(features)
        self._mean = np.zeros(features)
        self._squares = np.zeros(features)
        self._sample = ValueSample(features)

    def add(self, values: NDArray[np.float32] | NDArray[np.float64]) -> None:
        """Add values (n, F), NaN where missing."""
        known = ~np.isnan(values)
        self._sample.add(values)
        self._rows += len(values)
        count = known.sum(axis=0).astype(np.float64)
        numbers = np.where(known, values, 0.0).astype(np.float64)
        mean = numbers.sum(axis=0) / count.clip(min=1)
        squares = (np.where(known, numbers - mean, 0.0) ** 2).sum(axis=0)
        total = self._count + count
        share = count / total.clip(min=1)
        difference = mean - self._mean
        self._squares += squares + difference**2 * self._count * share
        self._mean += difference * share
        self._count = total

    @property
    def known(self) -> NDArray[np.float64]:
        """(F,) number of known values of each feature."""
        return self._count

    @property
    def mean(self) -> NDArray[np.float64]:
        """(F,) means; 0 for a feature without known values."""
        return self._mean

    @property
    def deviation(self) -> NDArray[np.float64]:
        """(F,) standard deviations; 0 for a constant feature."""
        deviation: NDArray[np.float64] = np.sqrt(self._squares / self._count.clip(min=1))
        return deviation

    def scale(self, columns: Sequence[str], transforms: Transforms = ()) -> FeatureScale:
        """Return the scale; a constant or unknown feature has spread 1."""
        varies, known = is_spread(self.deviation, self._mean), self._count > 0
        missing = 1.0 - self._count / max(self._rows, 1) if self._rows else np.zeros(len(columns))
        shares = zip(columns, missing.tolist(), strict=True)
        spread = np.where(varies, self.deviation, 1.0)
        return FeatureScale(
            tuple(columns),
            tuple(self._mean.tolist()),
            tuple(spread.tolist()),
            tuple(transforms),
            _chosen(columns, known & ~varies & (self._count.max(initial=0) > 1)),
            _chosen(columns, ~known & (self._count.max(initial=0) > 0)),
            self._duplicates(columns, varies),
            tuple((name, share) for name, share in shares if share > 0),
            self._fill_values(columns, transforms),
        )

    def _fill_values(self, columns: Sequence[str], transforms: Transforms) -> tuple[tuple[str, float, float], ...]:
        """Return features with a value that may stand for missing ones, as in the file."""
        fills = ((columns[index], value, share) for index, value, share in self._sample.fill_values())
        return tuple(fill for fill in fills if fill[0] not in dict(transforms))

    def _duplicates(self, columns: Sequence[str], varies: NDArray[np.bool_]) -> tuple[tuple[str, str], ...]:
        """Return pairs of features whose count, mean and sum of squares are all equal."""
        seen: dict[tuple[float, ...], str] = {}
        pairs = []
        sums = np.stack([self._count, self._mean, self._squares], axis=1)  # (F, 3)
        for name, own, useful in zip(columns, sums.tolist(), varies.tolist(), strict=True):
            if useful and seen.setdefault(tuple(own), name) != name:
                pairs.append((seen[tuple(own)], name))
        return tuple(pairs)


def is_spread(deviation: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether standard deviations (F,) are more than the rounding of values near ``mean`` (F,)."""
    return deviation > NEGLIGIBLE * np.abs(mean)


def check_numbers(values: Sequence[float], count: int, name: str, positive: bool = False) -> None:
    """Raise `ValueError` unless there are ``count`` finite numbers, greater than 0 if ``positive``."""
    if len(values) != count or not all(math.isfinite(value) and (value > 0 or not positive) for value in values):
        raise ValueError(f"{name}: there must be {count} finite{' positive' if positive else ''} numbers")


def _chosen(columns: Sequence[str], wanted: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, want in zip(columns, wanted.tolist(), strict=True) if want)


def without_sentinels(values: NDArray[np.float32], sentinels: Sequence[float]) -> NDArray[np.float32]:
    """Replace the values (n, F) that mean "missing" by NaN."""
    for sentinel in sentinels:
        matching = values == np.float32(sentinel)
        if matching.any():
            values = values.astype(np.float32, copy=False) if values.dtype.kind != "f" else values
            values = np.where(matching, values.dtype.type(np.nan), values)
    return values


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(columns[:8])
    return f"{shown}, … ({len(columns)} in all)" if len(columns) > 8 else shown


def transformed(
    values: NDArray[np.float32], columns: Sequence[str], transforms: Transforms
) -> NDArray[np.float32] | NDArray[np.float64]:
    """Return values (n, F) with the functions of some features; raises `DataError` where one is not defined."""
    if not transforms:
        return values
    numbers = values.astype(np.float64)
    for name, function in transforms:
        index = columns.index(name)
        column = numbers[:, index]
        if function == "log" and (column <= 0).any():
            value = column[column <= 0][0]
            raise DataError(
                f"the feature {name!r} has the value {value:g}, which has no logarithm; use asinh instead"
            )
        numbers[:, index] = np.log(column) if function == "log" else np.arcsinh(column)
    return numbers


def fit_scale(
    blocks: Iterable[NDArray[np.float32]], columns: Sequence[str], transforms: Transforms = ()
) -> FeatureScale:
    """Compute the scale over blocks of values (n, F).

    Raises `DataError` when ``transforms`` names no feature, or a function is not defined.
    """
    unknown = [name for name, _ in transforms if name not in columns]
    if unknown:
        raise DataError(
            f"data.transforms names {unknown[0]!r}, which is no feature; the features are {_listed(columns)}"
        )
    sums = ScaleSums(len(columns))
    for block in blocks:
        sums.add(transformed(block, columns, transforms))
    return sums.scale(columns, transforms)
