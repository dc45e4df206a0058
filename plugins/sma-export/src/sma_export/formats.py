"""The two formats of exported models: programs of torch.export, and ONNX. Each is written and run."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram

from sma_core.errors import UserError
from sma_export.interface import OUTPUT
from sma_export.network import Shapes

Run = Callable[[tuple[Tensor, ...]], NDArray[np.float32]]
"""Runs an exported model on its arguments."""


@dataclass(frozen=True)
class Format:
    """A format: its name, its file, and functions that write a program to it and load it."""

    name: str
    file: str
    write: Callable[[ExportedProgram, Path], None]
    load: Callable[[Path], Run]


def program_of(network: nn.Module, arguments: tuple[Tensor, ...], shapes: Shapes) -> ExportedProgram:
    """Trace a network with example ``arguments``; axes in ``shapes`` may have any size."""
    with torch.no_grad(), _quiet():
        return torch.export.export(network, arguments, dynamic_shapes=shapes, strict=False)


def require_onnx() -> None:
    """Raise `UserError` if the packages of the extra ``onnx`` are not installed."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise UserError(f"exports to ONNX need {', '.join(missing)}: pip install 'sma-export[onnx]'")


def _write_torch(program: ExportedProgram, path: Path) -> None:
    program.example_inputs = None  # they would be the only pickled part of the file
    with _quiet():
        torch.export.save(program, path)


def _load_torch(path: Path) -> Run:
    module = torch.export.load(path).module()

    def run(arguments: tuple[Tensor, ...]) -> NDArray[np.float32]:
        with torch.inference_mode():
            results: NDArray[np.float32] = module(*arguments).numpy()
            return results

    return run


def _write_onnx(program: ExportedProgram, path: Path) -> None:
    with _quiet():
        exported = torch.onnx.export(program, dynamo=True, output_names=[OUTPUT], external_data=False)
        assert exported is not None, "a program was given"
        exported.save(path, external_data=False)


def _load_onnx(path: Path) -> Run:
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options)
    names = [argument.name for argument in session.get_inputs()]

    def run(arguments: tuple[Tensor, ...]) -> NDArray[np.float32]:
        given: dict[str, Any] = dict(zip(names, (tensor.numpy() for tensor in arguments), strict=True))
        results: NDArray[np.float32] = session.run(None, given)[0]
        return results

    return run


TORCH = Format("torch", "model.pt2", _write_torch, _load_torch)
ONNX = Format("onnx", "model.onnx", _write_onnx, _load_onnx)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the progress lines and warnings of the exporters out of the output of the command."""
    level, root = logging.root.manager.disable, logging.root
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.manager.disable = level
