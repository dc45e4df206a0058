"""Entry point of the plugin; heavy parts are named by reference, so importing it is cheap."""

from __future__ import annotations

from sma_core.plugins import Baseline, DataSet, Domain, Reader, Task, hookimpl

_SIMULATED = "simulated by this plugin (sma_series.motions); a toy"
_ARCHIVE = "UEA multivariate archive (Bagnall et al. 2018)"


@hookimpl
def sma_domains() -> list[Domain]:
    """Provide the domain ``series``."""
    return [
        Domain(
            name="series",
            summary="Multichannel time series of any length",
            input_kind="continuous",
            reader="long",
            dataset="motions",
            recipes="sma_series.recipes",
            suites="sma_series.suites",
            api_version="1.4",
            head="mean",
            task="motions-kind",
            splitter="stratified",
        )
    ]


@hookimpl
def sma_readers() -> list[Reader]:
    """Provide readers of ``.ts`` files and of long tables."""
    return [
        Reader(
            name="ts",
            summary="Time series with a header of @ lines, as of the UEA and UCR archives",
            factory="sma_series.readers.ts:read_ts",
            suffixes=(".ts",),
            reads="blocks",
        ),
        Reader(
            name="long",
            summary="Table with a line per time of each series: a column of identifiers, channels, labels",
            factory="sma_series.readers.long:read_long",
            suffixes=(".csv", ".tsv"),
            reads="blocks",
            identifiers=("series", "series_id", "id", "case", "case_id", "sample"),
        ),
    ]


@hookimpl
def sma_datasets() -> list[DataSet]:
    """Provide the simulated motions and two public sets."""
    return [
        DataSet(
            name="motions",
            summary="1,200 simulated motions of three channels, generated on first use: the quick start",
            source=_SIMULATED,
            licence="Apache-2.0",
            locate="sma_series.motions:motions",
            columns=("x", "y", "z"),
            names=("x", "y", "z"),
        ),
        DataSet(
            name="japanese-vowels",
            summary="640 spoken vowels of nine speakers, 12 channels, 7 to 29 positions",
            source=f"JapaneseVowels of the {_ARCHIVE}",
            licence="CC BY 4.0",
            locate="sma_series.archive:japanese_vowels",
        ),
        DataSet(
            name="basic-motions",
            summary="80 recordings of four activities, 6 channels, 100 positions",
            source=f"BasicMotions of the {_ARCHIVE}",
            licence="see the archive",
            locate="sma_series.archive:basic_motions",
        ),
    ]


@hookimpl
def sma_tasks() -> list[Task]:
    """Provide tasks on each set."""
    return [
        Task(
            name="motions-kind",
            summary="Which of four kinds of motion, on the simulated motions",
            dataset="motions",
            targets=("kind",),
            kind="multiclass",
            metric="accuracy",
        ),
        Task(
            name="motions-tempo",
            summary="The tempo of a motion in cycles per second, on the simulated motions",
            dataset="motions",
            targets=("tempo",),
            kind="regression",
            metric="rmse",
        ),
        Task(
            name="japanese-vowels",
            summary="Which of nine speakers",
            dataset="japanese-vowels",
            targets=("label",),
            split_column="split",
            kind="multiclass",
            metric="accuracy",
        ),
        Task(
            name="basic-motions",
            summary="Standing, walking, running or badminton",
            dataset="basic-motions",
            targets=("label",),
            split_column="split",
            kind="multiclass",
            metric="accuracy",
        ),
    ]


@hookimpl
def sma_baselines() -> list[Baseline]:
    """Provide a linear model on statistics of the channels."""
    return [
        Baseline(
            name="statistics",
            summary="Ridge or logistic regression on mean, deviation, extremes and changes of each channel",
            factory="sma_series.baselines:statistics",
            kinds=("regression", "binary", "multilabel", "multiclass"),
        ),
        Baseline(
            name="nearest",
            summary="The label of the nearest training series, after resampling to one length",
            factory="sma_series.baselines:nearest",
            kinds=("multiclass",),
        ),
    ]
