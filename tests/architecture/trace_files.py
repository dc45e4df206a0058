"""List the files of the core that a command executes before it calls the network.

Run it as ``python tests/architecture/trace_files.py``. A file counts when one of its functions is called between
the start of the command and the first call of the model's ``forward``; code that runs on import does not count.
Those that are on the call stack at that moment come first: each calls the next, down to the network.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

SUPPORT = Path(__file__).parent.parent / "support"


@dataclass(frozen=True)
class Trace:
    """Files whose functions were ``called``, and those on the call ``stack`` when the network was called."""

    called: list[str]
    stack: list[str]


class _Reached(BaseException):
    """The network was called: nothing after it counts."""


@contextlib.contextmanager
def recorded_files(package: Path, ends: Callable[[FrameType], bool]) -> Iterator[Trace]:
    """Record the files of ``package`` whose functions the block calls, in order, until ``ends`` is true."""
    trace = Trace([], [])

    def record(frame: FrameType, event: str, argument: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # bodies of modules and classes are none
        if not is_function or not code.co_filename.startswith(str(package)):
            return
        file = str(Path(code.co_filename).relative_to(package))
        if file not in trace.called:
            trace.called.append(file)
        if ends(frame):
            trace.stack.extend(_files_on_stack(frame, package))
            raise _Reached

    sys.setprofile(record)
    try:
        with contextlib.suppress(_Reached):
            yield trace
    finally:
        sys.setprofile(None)


def _files_on_stack(frame: FrameType | None, package: Path) -> list[str]:
    """Return the files of ``package`` on the call stack, the outermost first, each once."""
    files: dict[str, None] = {}
    while frame is not None:
        if frame.f_code.co_filename.startswith(str(package)):
            files[str(Path(frame.f_code.co_filename).relative_to(package))] = None
        frame = frame.f_back
    return list(files)[::-1]


def _is_forward(frame: FrameType) -> bool:
    return frame.f_code.co_qualname in ("SMA.forward", "Predictor.forward")


def trace(arguments: list[str]) -> Trace:
    """Run ``sma`` with ``arguments`` until the network is called; return the files on the way."""
    import sma_core
    from sma_core.cli import main

    package = Path(str(sma_core.__file__)).parent
    with recorded_files(package, _is_forward) as files, contextlib.suppress(SystemExit):
        main(arguments)
    return files


def main() -> None:
    """Print the files of train, finetune and predict on the toy domain of the tests."""
    sys.path.insert(0, str(SUPPORT))
    os.environ["PYTHONPATH"] = str(SUPPORT)
    os.environ["SMA_CACHE"] = tempfile.mkdtemp()
    os.chdir(tempfile.mkdtemp())
    from sma_core.cli import main as sma

    small = ["--set", "training.steps=1", "--set", "training.device=cpu"]
    with contextlib.suppress(SystemExit):
        sma(["train", "--domain", "toy", "--out", "pretrained", *small])
    with contextlib.suppress(SystemExit):
        sma(["finetune", "--model", "pretrained", "--out", "tuned", "--set", "training.epochs=1"])
    Path("rows.txt").write_text("one row\nanother\n", encoding="utf-8")
    commands = {
        "train": ["train", "--domain", "toy", "--out", "again", *small],
        "finetune": ["finetune", "--model", "pretrained", "--out", "tuned-again", "--set", "training.epochs=1"],
        "predict": ["predict", "rows.txt", "--model", "tuned"],
    }
    for name, arguments in commands.items():
        files = trace(arguments)
        print(f"sma {name}: the network's forward is called through {len(files.stack)} files of sma_core")
        for file in files.stack:
            print(f"  {file}")
        print(f"sma {name}: functions of {len(files.called)} files ran before it")
        for file in files.called:
            print(f"  {file}")


if __name__ == "__main__":
    main()
