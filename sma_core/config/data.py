"""Settings of data: where rows come from and how they become batches."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer

from sma_core.config.settings import Names, Options, Settings
from sma_core.urls import without_secrets


class DataConfig(Settings):
    """Where rows come from and how they become batches."""

    source: str | None = Field(
        None, description="A data set's name, a file or URL, or several; empty: the domain's default set."
    )
    weights: tuple[Annotated[float, Field(gt=0.0)], ...] | None = Field(
        None, description="Pre-training: weights of the comma-separated data sets of data.source."
    )
    reader: str | None = Field(None, description="Name of the reader; empty: chosen by file suffix.")
    column: str | None = Field(
        None,
        description="Column of the input, or two for pairs, comma-separated, whose texts the separator joins; "
        "empty: a column with a usual name.",
    )
    columns: Names | None = Field(
        None,
        description="Feature columns of numeric rows, in order; empty: the data set's, or all but the labels.",
    )
    exclude: Names | None = Field(
        None, description="Columns of numeric rows that are not features, such as labels, weights and identifiers."
    )
    names: Names | None = Field(
        None, description="Names of the columns of tables without a header; those of a header take precedence."
    )
    delimiter: str | None = Field(
        None, description="Character between columns of text tables, or tab; empty: found in the first lines."
    )
    tree: str | None = Field(
        None, description="Tree, group or data set to read from files that have several, such as ROOT and HDF5."
    )
    options: Options = Field(
        {}, description="Further arguments of a plugin's reader, by name, such as the size of pictures."
    )
    strip: bool = Field(True, description="Remove white space around rows of text; off: it belongs to the row.")
    blank_lines: Literal["reject", "skip", "separate"] = Field(
        "reject",
        description="Blank lines of plain text. reject: unusable rows; skip: no rows; separate: the lines between "
        "them are one row.",
    )
    transforms: dict[str, Literal["log", "asinh"]] = Field(
        {},
        description="Function of a feature before it is standardised, by name: log (of positive values) or asinh.",
    )
    sentinels: tuple[float, ...] | None = Field(
        None, description="Numbers that mean a missing value, such as -9999; empty: the domain's."
    )
    tokenizer: str | None = Field(None, description="Name of the tokenizer; empty: the domain's.")
    truncate: bool = Field(True, description="Truncate rows longer than model.max_length; off: reject them.")
    window_overlap: int | None = Field(
        None,
        ge=0,
        description="Pre-training: read rows longer than model.max_length whole, in windows that share at least "
        "this number of inputs; empty: data.truncate decides.",
    )
    check_rows: bool = Field(True, description="Check each row with the domain's check function.")
    normalise: bool = Field(
        False,
        description="Replace rows by the domain's normal form, such as canonical SMILES, before their check.",
    )
    max_rejected: float = Field(
        0.05, ge=0.0, le=1.0, description="Largest fraction of unusable rows; more is an error."
    )
    held_out: float = Field(0.02, gt=0.0, lt=1.0, description="Fraction of rows kept for the held-out loss.")
    packing: Literal["single", "concat", "successors"] = Field(
        "single",
        description="Inputs of pre-training. single: one row; concat: several rows up to model.max_length, each "
        "row once; successors: each row and the rows after it up to model.max_length, as many inputs as rows.",
    )
    keep_remote: bool = Field(
        True, description="Keep copies of remote files; off: remove each copy after its rows are read."
    )
    processes: int | None = Field(
        None, ge=1, description="Number of processes that check rows or prepare files; empty: one per core."
    )
    fresh: bool = Field(
        False, description="Prepare rows again, although they are cached; not recorded in a run's settings."
    )
    shard_rows: int = Field(2_000_000, ge=1, description="Largest number of rows in one file of a store.")

    @field_serializer("source")
    def _without_secrets(self, source: str | None) -> str | None:
        """Remove passwords and signatures from URLs in settings that are written or shown."""
        return None if source is None else without_secrets(source)

    @property
    def reader_options(self) -> dict[str, Any]:
        """Options for readers that have them, by argument name; settings with their default are left out."""
        names = ("delimiter", "tree", "strip", "blank_lines")
        options = {name: getattr(self, name) for name in names}
        defaults = type(self).model_fields
        return {name: value for name, value in options.items() if value != defaults[name].default} | self.options
