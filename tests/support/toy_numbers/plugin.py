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
    return [
        Task(name="heavy", summary="Is it?", targets=("heavy",), kind="binary", metric="roc_auc", **shared),
        Task(name="shape", summary="Which?", targets=("shape",), kind="multiclass", metric="accuracy", **shared),
        Task(name="volume", summary="How much?", targets=("volume",), kind="regression", metric="rmse", **shared),
    ]
