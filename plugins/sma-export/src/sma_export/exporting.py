"""Export a run to a folder: the model, what it reads and returns, and a program that predicts with it."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import DataError, UserError
from sma_core.files import temporary_name
from sma_core.models.loaded_run import LoadedRun
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_export.check import Comparison, compared
from sma_export.example import PROGRAM, arguments_of_program, example_program, readme
from sma_export.formats import ONNX, Format, program_of
from sma_export.interface import Interface
from sma_export.network import dynamic_shapes, example_rows, exported_network
from sma_export.web_page import PAGE, web_page

MODEL, README = "model.json", "README.md"
TOLERANCE = 1e-4


@dataclass(frozen=True)
class ExportResult:
    """The folder, its model file and size in bytes, the comparison with the run, and sentences for its user.

    ``arguments`` are those of the program ``predict.py`` in the folder.
    """

    out: Path
    file: str
    size: int
    comparison: Comparison
    tolerance: float
    remarks: tuple[str, ...]
    arguments: str
    seconds: float


def export_run(
    format: Format,
    run: str | Path,
    out: str | Path,
    *,
    vectors: bool = False,
    tolerance: float = TOLERANCE,
    force: bool = False,
    policy: PluginPolicy | None = None,
) -> ExportResult:
    """Write the folder ``out``, and compare the exported model with the run.

    Args:
        format: `TORCH` or `ONNX`.
        run: A run of `train` or `finetune`, or the name of a shipped model.
        out: The folder to write.
        vectors: Of a fine-tuned run, export its mean vectors instead of its predictions.
        tolerance: Largest difference of a result from the run's own, as a share of the largest result.
        force: Replace ``out`` if an export is there.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        CheckpointError: ``run`` is no run, or is damaged.
        DataError: The folder cannot be written.
        UserError: ``out`` exists (unless ``force``), or the exported model differs from the run.
    """
    began = time.monotonic()
    out = as_path(out)
    _check_out(out, force)
    loaded = LoadedRun.load(as_path(run), "cpu", policy)
    interface = Interface.of(loaded, vectors)
    building = temporary_name(out)
    try:
        comparison = _write(format, building, loaded, interface, vectors, tolerance)
        if out.exists():
            shutil.rmtree(out)
        building.rename(out)
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    seconds = time.monotonic() - began
    arguments = arguments_of_program(interface)
    size = (out / format.file).stat().st_size
    return ExportResult(out, format.file, size, comparison, tolerance, interface.remarks, arguments, seconds)


def _write(
    format: Format, folder: Path, run: LoadedRun, interface: Interface, vectors: bool, tolerance: float
) -> Comparison:
    """Write the files of an export, and compare the model with the run; raises `UserError` if they differ."""
    program = program_of(exported_network(run, vectors), example_rows(run, 3, 17), dynamic_shapes(run))
    folder.mkdir(parents=True)
    format.write(program, folder / format.file)
    comparison = compared(format.load(folder / format.file), run, vectors)
    if not comparison.share <= tolerance:
        raise UserError(
            f"the exported model differs from {run.path} by {comparison.share:.2g} of the largest result, "
            f"more than the tolerance {tolerance:g}: nothing was written; report it, or pass a larger `tolerance`"
        )
    files = {
        MODEL: interface.to_json(),
        PROGRAM: example_program(interface, format),
        README: readme(interface, format, comparison),
    }
    if format is ONNX and interface.is_portable and interface.inputs["kind"] == "text":
        files[PAGE] = web_page(interface)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return comparison


def _check_out(out: Path, force: bool) -> None:
    """Raise `UserError` when ``out`` must not be replaced; only an export is."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out.is_dir() and (out / MODEL).is_file() and (out / PROGRAM).is_file()):
        raise UserError(f"{out} exists and is no export: choose another `out`")
    if not force:
        raise UserError(f"{out} exists: choose another `out`, or pass `force`")
