"""Tables that pandas has written to HDF5 files, as the top-tagging set is.

Such a table is a compound dataset whose members are blocks of columns of one type. The names of the columns are
an attribute, a list of texts in Python's pickle format. It is read as text here and never unpickled, since a
pickle may run any code.
"""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sma_core.errors import DataError

MORE_FILTERS = "hdf5plugin"
"""A package that registers more ways of compression; used if it is installed."""
_NAMES = re.compile(rb"\(lp\d+\n(?:V[^\n]*\np\d+\na)*\.")
"""A list of texts in pickle's protocol 0."""
_NAME = re.compile(rb"^a?V(.*)$", re.MULTILINE)


def is_index(name: str) -> bool:
    """Return whether a group of this name holds the index of a table, which is not data."""
    return name.startswith("_i_")


def column_names(dataset: Any, member: str) -> list[str] | None:  # noqa: ANN401 - h5py has no types
    """Return the names of the columns of a block of a table; None if they are not there as pandas writes them."""
    written = dataset.attrs.get(f"{member}_kind")
    if not isinstance(written, bytes):  # also numpy.bytes_
        return None
    text = bytes(written)
    if not _NAMES.fullmatch(text):
        return None
    names = [name.decode("raw_unicode_escape") for name in _NAME.findall(text)]
    return names if len(names) == dataset.dtype[member].shape[0] and len(set(names)) == len(names) else None


def members(dataset: Any) -> list[str]:  # noqa: ANN401 - h5py has no types
    """Return the members of a compound dataset, without the row labels of pandas."""
    return [name for name in dataset.dtype.names if not (name == "index" and "index_kind" in dataset.attrs)]


def check_filters(dataset: Any, path: Path) -> None:  # noqa: ANN401 - h5py has no types
    """Raise `DataError` when a dataset is compressed in a way that this installation of HDF5 cannot read.

    The package hdf5plugin, which brings more ways, is used if it is installed.
    """
    import h5py

    settings = dataset.id.get_create_plist()
    filters = [settings.get_filter(index) for index in range(settings.get_nfilters())]
    if all(h5py.h5z.filter_avail(code) for code, *_ in filters):
        return
    if find_spec(MORE_FILTERS) is not None:
        import_module(MORE_FILTERS)
    for code, _, _, name in filters:
        if not h5py.h5z.filter_avail(code):
            raise DataError(
                f"{path}: {dataset.name.strip('/')} is compressed with {name.decode(errors='replace') or code}: "
                "pip install hdf5plugin, or write the file with gzip"
            )
