"""Find the targets of a file whose columns besides the inputs are all labels."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from sma_core.config import DataConfig
from sma_core.data.blocks import Block
from sma_core.data.pairs import columns_of
from sma_core.data.readers.csv import choose_column, read_header
from sma_core.data.remote.files import local_copy
from sma_core.errors import ConfigError, DataError
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import Source
from sma_core.sources.reading import read_values

ALL_OTHERS = "*"
"""The only target, when all columns besides the inputs are targets."""


def other_columns(
    registry: Registry, source: Source, config: DataConfig, used: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the columns of a file that are neither inputs nor ``used`` nor excluded.

    Raises `ConfigError` when the features of rows of numbers are not named, `DataError` when no column is left.
    """
    if source.reader.reads == "blocks":
        if not source.columns:
            raise ConfigError("to predict all other columns, name the features with `data.columns=a,b,c`")
        names, inputs = _columns_of_numbers(registry, source, config), source.columns
    elif source.reader.name == "csv":
        with local_copy(source.file, finished=False) as path:
            names = tuple(read_header(path, source.options.get("delimiter")))
            usual = registry.domain.columns
            inputs = tuple(choose_column(names, column, usual, path) for column in columns_of(source.column))
    else:
        raise ConfigError(f"{source.label} is not a table with a header: name its targets with `targets=a,b,c`")
    left = {*inputs, *used, *(config.exclude or ())}
    others = tuple(name for name in names if name and name not in left)
    if not others:
        raise DataError(f"{source.label} has no column besides {', '.join(names)}, so there is nothing to predict")
    return others


def _columns_of_numbers(registry: Registry, source: Source, config: DataConfig) -> tuple[str, ...]:
    """Return the names of all columns of a file of numbers."""
    everything = replace(source, column=None, columns=(), features=(), spec=None)
    with closing(read_values(registry, everything, config)) as records:
        return next((record.names(()) for record in records if isinstance(record, Block)), ())
