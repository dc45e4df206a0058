"""Contract checks of table formats."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sma_core.plugins.specs import TableFormat
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail, skip


class TableFormatChecks(Subject):
    """Checks of the formats in which predictions are written."""

    def test_table_formats_write_chunks(self) -> None:
        """A format writes chunks of numbers, texts and missing cells, and a table without rows."""
        from sma_core.plugins.imports import resolve

        specs = [spec for spec in self._plugin_specs() if isinstance(spec, TableFormat)]
        if not specs:
            skip("the plugin has no TableFormat")
        for spec in specs:
            for suffix in spec.suffixes:
                if not suffix.startswith(".") or suffix != suffix.lower():
                    fail(f"the suffix {suffix!r} of the TableFormat {spec.name!r} must be lower case with a dot")
                with explained(f"the TableFormat {spec.name!r} must write a table"):
                    opened = resolve(spec.factory, f"the TableFormat {spec.name!r}")
                    one, two = _sizes(opened, suffix, chunks=1), _sizes(opened, suffix, chunks=2)
                    _sizes(opened, suffix, chunks=0)
                if not 0 < one < two:
                    fail(
                        f"the TableFormat {spec.name!r} must write every chunk to the path: one chunk makes "
                        f"{one} bytes, two make {two}"
                    )


def _sizes(opened: Any, suffix: str, chunks: int) -> int:  # noqa: ANN401 - see TableFormat
    """Return the size in bytes of a file with so many chunks of three rows; 0 when there is none."""
    import pyarrow as pa

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table")
        with opened(path, suffix) as table:
            for start in range(chunks):
                table.write(
                    {
                        "row": pa.array(range(3 * start, 3 * start + 3), pa.int64()),
                        "input": pa.array(["a", 'b,"\n', None], pa.string()),
                        "y": pa.array([0.5 + start, None, -1e-9], pa.float64()),
                    }
                )
        return path.stat().st_size if path.exists() else 0
