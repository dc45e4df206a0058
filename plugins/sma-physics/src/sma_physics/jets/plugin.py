"""Entry point of the domain ``jets``; heavy parts are named by reference, so importing it is cheap."""

from __future__ import annotations

from sma_core.plugins import Baseline, DataSet, Domain, Reader, Task, hookimpl


@hookimpl
def sma_domains() -> list[Domain]:
    """Provide the domain ``jets``."""
    return [
        Domain(
            name="jets",
            summary="Jets as sequences of particles, largest transverse momentum first",
            input_kind="continuous",
            reader="particles",
            dataset="jets-toy",
            recipes="sma_physics.jets.recipes",
            suites="sma_physics.jets.suites",
            api_version="1.4",
            head="mean",
            task="toy-signal",
            splitter="stratified",
        )
    ]


@hookimpl
def sma_readers() -> list[Reader]:
    """Provide the reader of particles."""
    return [
        Reader(
            name="particles",
            summary="Particles of jets from their four-momenta, as in JetClass or the top-tagging set",
            factory="sma_physics.jets.reader:read_particles",
            suffixes=(".parquet", ".root", ".h5", ".hdf5"),
            reads="blocks",
        ),
        Reader(
            name="root",
            summary="Branches of a ROOT tree, with lists or one number per entry (extra root)",
            factory="sma_physics.readers.root:read_root",
            suffixes=(),
            reads="blocks",
        ),
        Reader(
            name="hdf5",
            summary="Columns or a table of numbers in an HDF5 file (extra hdf5)",
            factory="sma_physics.readers.hdf5:read_hdf5",
            suffixes=(),
            reads="blocks",
        ),
    ]


@hookimpl
def sma_datasets() -> list[DataSet]:
    """Provide the toy set."""
    return [
        DataSet(
            name="jets-toy",
            summary="12,000 simulated jets of one, two or three prongs, generated on first use: the quick start",
            source="simulated by this plugin (sma_physics.jets.simulation); a toy",
            licence="Apache-2.0",
            locate="sma_physics.jets.files:jets_toy",
        )
    ]


@hookimpl
def sma_tasks() -> list[Task]:
    """Provide tasks on the toy set."""
    return [
        Task(
            name="toy-signal",
            summary="Two or three prongs against one, on the simulated jets",
            dataset="jets-toy",
            targets=("signal",),
            kind="binary",
            metric="roc_auc",
        ),
        Task(
            name="toy-prongs",
            summary="One, two or three prongs, on the simulated jets",
            dataset="jets-toy",
            targets=("prongs",),
            kind="multiclass",
            metric="accuracy",
        ),
    ]


@hookimpl
def sma_baselines() -> list[Baseline]:
    """Provide models on variables of whole jets."""
    return [
        Baseline(
            name="boosted-trees",
            summary="Boosted trees on mass, shapes and other variables of jets",
            factory="sma_physics.jets.baselines:boosted_trees",
            kinds=("regression", "binary", "multilabel"),
        ),
        Baseline(
            name="linear",
            summary="Ridge or logistic regression on the standardised variables of jets",
            factory="sma_physics.jets.baselines:linear",
            kinds=("regression", "binary", "multilabel", "multiclass"),
        ),
    ]
