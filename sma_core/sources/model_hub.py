"""Fetch models from the Hugging Face hub to the cache (extra ``hub``)."""

from __future__ import annotations

from pathlib import Path

from sma_core.errors import CheckpointError

FILES = ("config.json", "model.safetensors", "pytorch_model.bin")


def fetch_model(name: str, cache: Path) -> Path:
    """Return the folder of the hub model ``owner/name``; fetch files that are not in ``cache``.

    Raises `CheckpointError` when the extra is not installed or the download fails.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise CheckpointError(
            f"there is no folder {name}; to fetch a model from the hub: pip install 'sma-core[hub]'"
        ) from error
    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES), cache_dir=cache))
    except Exception as error:  # the library raises various errors without network
        reason = (str(error).splitlines() or [""])[0]
        raise CheckpointError(
            f"there is no folder {name}, and fetching it from the hub failed: {type(error).__name__}: {reason}"
        ) from error
