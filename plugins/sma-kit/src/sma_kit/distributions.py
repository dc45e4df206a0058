"""Simulate an installed package by writing its modules and metadata to a folder.

For tests of plugins and of their discovery. Add the folder written by `write_distribution` to ``sys.path`` (or to
``PYTHONPATH`` for another process); discovery then treats the package as installed by pip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sma_core.plugins import discovery
from sma_core.plugins.commands import command_list as commands_discovery


def write_distribution(
    folder: Path,
    name: str,
    entry_points: Mapping[str, str],
    files: Mapping[str, str],
    version: str = "1.0",
    summary: str = "A package for a test.",
    facts: Sequence[str] = (),
    commands: Mapping[str, str] | None = None,
) -> Path:
    """Write the modules and metadata of the package ``name`` to ``folder``, and return ``folder``.

    ``entry_points`` are the entry points of the group ``sma.plugins``: name -> ``module`` or ``module:attribute``;
    ``commands`` those of the group ``sma.commands``: ``WORDS: HELP`` -> ``module:attribute``. ``files`` maps paths
    below ``folder`` to their text. ``facts`` are additional lines of metadata, such as ``Keywords: sma-api-1.2``
    and ``Requires-Dist: numpy>=2``.
    """
    information = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    lines = []
    for group, entries in ((discovery.GROUP, entry_points), (commands_discovery.GROUP, commands or {})):
        lines += [f"[{group}]", *(f"{entry} = {target}" for entry, target in entries.items())]
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {summary}\n"
    metadata += "".join(f"{fact}\n" for fact in facts)
    texts = {information / "METADATA": metadata, information / "entry_points.txt": "\n".join(lines) + "\n"}
    for path, text in (texts | {folder / path: text for path, text in files.items()}).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
