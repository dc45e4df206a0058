"""The continuous toy domain's specs."""

from sma_core.plugins import DataSet, Domain, Task, hookimpl

ORIGIN = {"source": "made by the tests", "licence": "none needed"}
FEATURES = ("height", "width", "depth", "weight", "noise")


@hookimpl
def sma_domains():
    return [
        Domain(
            name="toy-numbers",
            summary="Boxes, measured.",
            input_kind="continuous",
            reader="table",
            dataset="boxes",
            recipes="toy_numbers.recipes",
            task="heavy",
            sentinels=(-999.0,),
        )
    ]


@hookimpl
def sma_datasets():
    return [
        DataSet(
            name="boxes",
            summary="600 boxes, with a header.",
            locate="toy_numbers.boxes:with_header",
            columns=FEATURES,
            **ORIGIN,
        ),
        DataSet(
            name="folded",
            summary="The same boxes with a column that numbers five folds.",
            locate="toy_numbers.boxes:with_folds",
            columns=FEATURES,
            **ORIGIN,
        ),
        DataSet(
            name="bare",
            summary="The same boxes without a header, compressed.",
            locate="toy_numbers.boxes:without_header",
            columns=FEATURES,
            names=("heavy", "shape", "volume", *FEATURES),
            **ORIGIN,
        ),
    ]


@hookimpl
def sma_tasks():
    shared = {"dataset": "boxes"}
    heavy = {"targets": ("heavy",), "kind": "binary", "metric": "roc_auc"}
    return [
        Task(name="heavy", summary="Is it?", targets=("heavy",), kind="binary", metric="roc_auc", **shared),
        Task(name="shape", summary="Which?", targets=("shape",), kind="multiclass", metric="accuracy", **shared),
        Task(name="volume", summary="How much?", targets=("volume",), kind="regression", metric="rmse", **shared),
        Task(name="last", summary="Heavy? The end is the test.", test_last=100, **heavy, **shared),
        Task(
            name="folded",
            summary="Heavy? Learned from few boxes.",
            dataset="folded",
            split_column="fold",
            split_values=(("4", "test"), ("3", "valid")),
            train_rows=200,
            **heavy,
        ),
    ]
