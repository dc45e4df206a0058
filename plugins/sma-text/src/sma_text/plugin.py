"""Entry point of the plugin; heavy parts are named by reference, so importing it is cheap."""

from __future__ import annotations

from sma_core.plugins import Baseline, DataSet, Domain, Metric, Reader, Task, hookimpl

_SOURCE = "the standard library of the running Python, read without importing it (sma_text.library)"
_LICENCE = "PSF-2.0"


@hookimpl
def sma_domains() -> list[Domain]:
    """Provide the domain ``text``."""
    return [
        Domain(
            name="text",
            summary="Text as raw UTF-8 bytes: documents, sentences, pairs of sentences",
            tokenizer="bytes",
            reader="lines",
            dataset="docstrings",
            recipes="sma_text.recipes",
            api_version="1.4",
            head="decoder",
            task="package",
            splitter="stratified",
            columns=("text", "sentence", "document"),
        )
    ]


@hookimpl
def sma_readers() -> list[Reader]:
    """Provide a reader of documents."""
    return [
        Reader(
            name="document",
            summary="The whole file is one row; for folders of documents",
            factory="sma_text.documents:read_document",
            suffixes=(".md", ".rst", ".text"),
            names_rows=True,
        )
    ]


@hookimpl
def sma_datasets() -> list[DataSet]:
    """Provide three sets of docstrings, which every Python has."""
    return [
        DataSet(
            name="docstrings",
            summary="Some 6,900 docstrings of the standard library, made on first use: the quick start",
            source=_SOURCE,
            licence=_LICENCE,
            locate="sma_text.library:docstrings",
            reader="csv",
            column="text",
        ),
        DataSet(
            name="packages",
            summary="Some 1,400 docstrings of five packages of the standard library, split by module",
            source=_SOURCE,
            licence=_LICENCE,
            locate="sma_text.library:packages",
            reader="csv",
            column="text",
        ),
        DataSet(
            name="pairs",
            summary="Some 2,500 pairs of paragraphs of docstrings that belong together or not, split by module",
            source=_SOURCE,
            licence=_LICENCE,
            locate="sma_text.library:pairs",
            reader="csv",
            column="summary,body",
        ),
    ]


@hookimpl
def sma_tasks() -> list[Task]:
    """Provide a task on single texts and one on pairs."""
    return [
        Task(
            name="package",
            summary="Which of five packages of the standard library a docstring is from; split by module",
            dataset="packages",
            targets=("package",),
            kind="multiclass",
            metric="macro_f1",
            split_column="split",
        ),
        Task(
            name="continuation",
            summary="Whether the second paragraph is that of the same docstring, or of another one of the module",
            dataset="pairs",
            targets=("same",),
            kind="binary",
            metric="matthews",
            split_column="split",
        ),
    ]


@hookimpl
def sma_metrics() -> list[Metric]:
    """Provide the metrics of GLUE that the core does not have."""
    return [
        Metric(
            name="matthews",
            summary="Matthews' correlation of classes",
            factory="sma_text.metrics:matthews",
            kinds=("binary", "multiclass"),
            higher_is_better=True,
        ),
        Metric(
            name="pearson",
            summary="Pearson's correlation",
            factory="sma_text.metrics:pearson",
            kinds=("regression",),
            higher_is_better=True,
        ),
    ]


@hookimpl
def sma_baselines() -> list[Baseline]:
    """Provide a linear model on pieces of words."""
    return [
        Baseline(
            name="characters-linear",
            summary="Ridge or logistic regression on TF-IDF of 2 to 5 characters; of pairs also their products",
            factory="sma_text.baselines:characters_linear",
            kinds=("regression", "binary", "multilabel", "multiclass"),
        )
    ]
