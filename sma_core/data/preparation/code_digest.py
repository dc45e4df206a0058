"""Hash the code that reads and tokenizes rows, so that rows prepared by other code are prepared again."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_CORE, _CORE_DATA = "sma_core", "sma_core.data"


def code_digest(modules: Iterable[str]) -> str:
    """Return a hash of the packages that contain ``modules``, such as those of a reader and a tokenizer.

    All files of a plugin's package count, since a reader may import others; of the core those of `sma_core.data`.
    """
    roots = {_CORE_DATA if name.partition(".")[0] == _CORE else name.partition(".")[0] for name in modules}
    return hashlib.sha256(" ".join(_package_digest(root) for root in sorted(roots)).encode()).hexdigest()


@cache
def _package_digest(name: str) -> str:
    """Hash the Python files of a package or module, and the sizes of its other files; the code is not imported."""
    loaded = sys.modules.get(name)
    spec = loaded.__spec__ if loaded is not None else find_spec(name)
    origin = Path(spec.origin) if spec is not None and spec.origin else None
    if origin is None or not origin.is_file():
        return ""
    is_package = origin.name == "__init__.py"
    files = sorted(origin.parent.rglob("*")) if is_package else [origin]
    digest = hashlib.sha256()
    for path in files:
        if path.is_file() and path.suffix != ".pyc":
            content = path.read_bytes() if path.suffix == ".py" else str(path.stat().st_size).encode()
            digest.update(f"{path.relative_to(origin.parent)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
