"""Entry point of the plugin; heavy parts are named by reference, so importing it is cheap."""

from __future__ import annotations

from sma_core.plugins import (
    Baseline,
    DataSet,
    Domain,
    Metric,
    Reader,
    Renderer,
    ShippedModel,
    Splitter,
    Task,
    hookimpl,
)
from sma_physics.schema import FEATURE_NAMES, LABEL

BUDGETS = {
    "toy": ("100", "1k", "10k", "all"),
    "higgs": ("100", "1k", "10k", "all"),
    "rotated": ("100", "1k", "10k", "all"),
    "uci": ("100", "1k", "10k", "100k", "all"),
}
"""Numbers of training labels of each family of splitters and tasks."""

_SETS = {"toy": "higgs-toy", "higgs": "higgs", "rotated": "higgs", "uci": "higgs-uci"}
_TESTS = {
    "toy": "random test set",
    "higgs": "test set: the first 5,000 rows",
    "rotated": "test set: a fifth of the rows, another for each of five seeds",
    "uci": "test set: the last 500,000 rows",
}
_UCI = "UCI HIGGS (Baldi, Sadowski and Whiteson 2014)"


@hookimpl
def sma_domains() -> list[Domain]:
    """Provide the domain ``physics``."""
    return [
        Domain(
            name="physics",
            summary="Collision events, one number per feature",
            input_kind="continuous",
            reader="table",
            dataset="higgs-toy",
            recipes="sma_physics.recipes",
            suites="sma_physics.suites",
            api_version="1.4",
            head="decoder",
            task="toy-all",
            splitter="random",
            sentinels=(-999.0,),
            renderer="event",
        )
    ]


@hookimpl
def sma_readers() -> list[Reader]:
    """Provide readers of HDF5, ROOT and data sets from the hub."""
    return [
        Reader(
            name="hdf5",
            summary="Columns or a table of numbers in an HDF5 file (extra hdf5)",
            factory="sma_physics.readers.hdf5:read_hdf5",
            suffixes=(".h5", ".hdf5"),
            reads="blocks",
        ),
        Reader(
            name="root",
            summary="Branches of a ROOT tree with one number per entry (extra root)",
            factory="sma_physics.readers.root:read_root",
            suffixes=(".root",),
            reads="blocks",
        ),
        Reader(
            name="lists",
            summary="CSV from the hub whose column 'inputs' has lists of features",
            factory="sma_physics.readers.lists:read_lists",
            suffixes=(),
            reads="blocks",
        ),
    ]


@hookimpl
def sma_datasets() -> list[DataSet]:
    """Provide the toy set and the HIGGS sets."""
    return [
        DataSet(
            name="higgs-toy",
            summary="50,000 simulated events similar to HIGGS, generated on first use: the quick start",
            source="simulated by this plugin (sma_physics.toy) after arXiv 1402.4735; a toy, not the data set",
            licence="Apache-2.0",
            locate="sma_physics.toy.files:higgs_toy",
            columns=FEATURE_NAMES,
        ),
        DataSet(
            name="higgs",
            summary="23,471 events of HIGGS from three public samples",
            source=_UCI,
            licence="CC BY 4.0",
            file="higgs.csv.gz",
            columns=FEATURE_NAMES,
        ),
        DataSet(
            name="higgs-without-test",
            summary="The 18,471 events of higgs outside its test set, without labels, for pre-training",
            source=_UCI,
            licence="CC BY 4.0",
            locate="sma_physics.unlabelled:higgs_without_test",
            columns=FEATURE_NAMES,
        ),
        DataSet(
            name="higgs-uci",
            summary="All 11,000,000 events of HIGGS, the published file",
            source=_UCI,
            licence="CC BY 4.0",
            file="HIGGS.csv.gz",
            columns=FEATURE_NAMES,
            names=(LABEL, *FEATURE_NAMES),
        ),
        DataSet(
            name="higgs-hub",
            summary="The paper's training events of HIGGS, on the hub",
            source=_UCI,
            licence="CC BY 4.0",
            hub="jxie/higgs",
            hub_columns=(("inputs", "inputs"), (LABEL, "label")),
            reader="lists",
            columns=FEATURE_NAMES,
            names=FEATURE_NAMES,
        ),
    ]


def _with_budgets() -> list[tuple[str, str]]:
    return [(family, budget) for family, budgets in BUDGETS.items() for budget in budgets]


def _labels(budget: str) -> str:
    return "all labels" if budget == "all" else f"{budget.replace('k', ',000')} labels"


@hookimpl
def sma_tasks() -> list[Task]:
    """Provide signal-background classification with few or all labels."""
    return [
        Task(
            name=f"{family}-{budget}",
            summary=f"Signal or background on {_SETS[family]}, {_labels(budget)}",
            dataset=_SETS[family],
            targets=(LABEL,),
            kind="binary",
            metric="roc_auc",
            splitter=f"{family}-{budget}",
        )
        for family, budget in _with_budgets()
    ]


@hookimpl
def sma_splitters() -> list[Splitter]:
    """Provide splits with a fixed test set and nested training subsets."""
    return [
        Splitter(
            name=f"{family}-{budget}",
            summary=f"{_labels(budget).capitalize()} for training; {_TESTS[family]}",
            factory=f"sma_physics.splits:{family}_{budget}",
        )
        for family, budget in _with_budgets()
    ]


@hookimpl
def sma_renderers() -> list[Renderer]:
    """Provide the drawing of events."""
    return [
        Renderer(
            name="event",
            summary="Feature bars grouped by physics object, with values",
            factory="sma_physics.drawing:draw_event",
            signed=True,
        )
    ]


@hookimpl
def sma_models() -> list[ShippedModel]:
    """Provide the pre-trained model."""
    return [
        ShippedModel(
            name="tiny",
            summary="340 thousand parameters, for the 28 features of HIGGS",
            rows="18,471 events of HIGGS",
            licence="CC BY 4.0 (UCI HIGGS)",
            locate="sma_physics.models:tiny",
        )
    ]


@hookimpl
def sma_baselines() -> list[Baseline]:
    """Provide the models that fine-tuning is compared with."""
    return [
        Baseline(
            name="boosted-trees",
            summary="Boosted trees on the features",
            factory="sma_physics.baselines:boosted_trees",
            kinds=("regression", "binary", "multilabel"),
        ),
        Baseline(
            name="linear",
            summary="Ridge or logistic regression on the standardised features",
            factory="sma_physics.baselines:linear",
            kinds=("regression", "binary", "multilabel", "multiclass"),
        ),
    ]


@hookimpl
def sma_metrics() -> list[Metric]:
    """Provide the significance of a selection of weighted events."""
    return [
        Metric(
            name="ams",
            summary="Largest approximate median significance over thresholds, for events with weights",
            factory="sma_physics.significance:best_significance",
            kinds=("binary",),
            higher_is_better=True,
        )
    ]
