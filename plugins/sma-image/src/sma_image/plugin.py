"""Entry point of the plugin; heavy parts are named by reference, so importing it is cheap."""

from __future__ import annotations

from sma_core.plugins import Augmentation, Baseline, DataSet, Domain, Reader, Renderer, Task, hookimpl


@hookimpl
def sma_domains() -> list[Domain]:
    """Provide the domain ``image``."""
    return [
        Domain(
            name="image",
            summary="Pictures as raw pixels, with positions on a grid",
            input_kind="continuous",
            reader="pictures",
            dataset="digits",
            recipes="sma_image.recipes",
            suites="sma_image.suites",
            api_version="1.4",
            head="mean",
            task="digits",
            splitter="stratified",
            renderer="picture",
        )
    ]


@hookimpl
def sma_readers() -> list[Reader]:
    """Provide the reader of pictures."""
    return [
        Reader(
            name="pictures",
            summary="Picture files, folders of them with labels as names of folders, and arrays of pixels",
            factory="sma_image.pictures:read_pictures",
            suffixes=(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".npy", ".npz"),
            reads="blocks",
            reads_folders=True,
            identifiers=("file",),
        )
    ]


@hookimpl
def sma_datasets() -> list[DataSet]:
    """Provide the digits that come with scikit-learn."""
    return [
        DataSet(
            name="digits",
            summary="1,797 handwritten digits of 8 x 8 pixels, shipped with scikit-learn: the quick start",
            source="Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998), test part, UCI",
            licence="CC BY 4.0",
            locate="sma_image.digits:digits",
        )
    ]


@hookimpl
def sma_tasks() -> list[Task]:
    """Provide the classification of digits."""
    return [
        Task(
            name="digits",
            summary="Which of ten digits",
            dataset="digits",
            targets=("label",),
            kind="multiclass",
            metric="accuracy",
        )
    ]


@hookimpl
def sma_renderers() -> list[Renderer]:
    """Provide the drawing of pictures."""
    return [
        Renderer(
            name="picture",
            summary="The pixels on their grid, hidden ones marked, beside a map of importance",
            factory="sma_image.drawing:draw_picture",
            signed=True,
        )
    ]


@hookimpl
def sma_augmentations() -> list[Augmentation]:
    """Provide random crops and flips, which only `training.augmentation` turns on."""
    return [
        Augmentation(
            name="crop-and-flip",
            summary="Random resized crops, and left and right exchanged",
            factory="sma_image.augmentations:crop_and_flip",
        )
    ]


@hookimpl
def sma_baselines() -> list[Baseline]:
    """Provide models on pixels."""
    return [
        Baseline(
            name="linear",
            summary="Ridge or logistic regression on standardised pixels",
            factory="sma_image.baselines:linear",
            kinds=("regression", "binary", "multilabel", "multiclass"),
        ),
        Baseline(
            name="nearest",
            summary="The label of the nearest training picture, pixel by pixel",
            factory="sma_image.baselines:nearest",
            kinds=("multiclass",),
        ),
    ]
