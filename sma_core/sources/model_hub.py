"""Models from the Hugging Face hub, fetched into the user's cache (extra ``hub``)."""

from __future__ import annotations

from pathlib import Path

from sma_core.errors import CheckpointError

FILES = ("config.json", "model.safetensors", "pytorch_model.bin")


def fetch_model(name: str, cache: Path) -> Path:
    """Return the folder of the hub's model ``owner/name``, fetching what is not in ``cache`` yet.

    Raises `CheckpointError` when the extra is not installed or the hub does not give it.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise CheckpointError(
            f"there is no folder {name}; to fetch a model from the hub: pip install 'sma-core[hub]'"
        ) from error
    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES), cache_dir=cache))
    except Exception as error:  # the library raises errors of many kinds for "no network"
        reason = (str(error).splitlines() or [""])[0]
        raise CheckpointError(
            f"there is no folder {name}, and fetching it from the hub failed: {type(error).__name__}: {reason}"
        ) from error
