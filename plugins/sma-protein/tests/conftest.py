"""What the tests of the readers share."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

Written = Callable[..., Path]


@pytest.fixture(params=["", ".gz", ".zst"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Written:
    """Return a function that writes a file, plain or compressed, and gives its path."""

    def write(name: str, content: str | bytes) -> Path:
        data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        path = tmp_path / (name + request.param)
        if request.param == ".zst":
            with pa.CompressedOutputStream(str(path), "zstd") as stream:
                stream.write(data)
        else:
            path.write_bytes(gzip.compress(data) if request.param else data)
        return path

    return write
