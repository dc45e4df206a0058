"""From a source to a prepared store, with the parts the domain names."""

from __future__ import annotations

from typing import Any

from sma_core.config import DataConfig
from sma_core.data.prepare import Progress, prepare
from sma_core.data.prepared import Prepared, PrepareRequest
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.errors import PluginError
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Tokenizer
from sma_core.verbs.datasets import Source, cache_folder


def build_tokenizer(registry: Registry, name: str | None) -> DiscreteTokenizer:
    """Build the tokenizer called ``name``, or the domain's own."""
    spec = registry.find(Tokenizer, name or registry.domain.tokenizer)
    tokenizer: DiscreteTokenizer = registry.build(spec)()
    return tokenizer


def origin_facts(registry: Registry, tokenizer: DiscreteTokenizer) -> dict[str, Any]:
    """Return what ``model.json`` says of the domain and the tokenizer a model was made with."""
    return {
        "domain": {"name": registry.name, "package": registry.provider(registry.domain)},
        "tokenizer": tokenizer_facts(tokenizer),
    }


def tokenizer_facts(tokenizer: DiscreteTokenizer) -> dict[str, Any]:
    """Return what ``model.json`` says of a tokenizer."""
    return {
        "name": tokenizer.name,
        "version": tokenizer.version,
        "vocabulary_size": tokenizer.vocabulary_size,
    }


def check_tokenizer(tokenizer: DiscreteTokenizer, facts: dict[str, Any]) -> None:
    """Raise `PluginError` when the tokenizer installed now is not the one a model was trained with."""
    now = tokenizer_facts(tokenizer)
    if now != facts:
        raise PluginError(
            f"the model was trained with the tokenizer {facts['name']} version {facts['version']} "
            f"({facts['vocabulary_size']} ids), but the one installed is {now['name']} version {now['version']} "
            f"({now['vocabulary_size']} ids): install the plugin's version the model was made with"
        )


def prepare_source(
    registry: Registry,
    source: Source,
    config: DataConfig,
    tokenizer: DiscreteTokenizer,
    max_length: int,
    targets: tuple[str, ...] | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Prepare a source's store, or find it prepared.

    With ``targets`` all rows go into one store with labels and texts, for a splitter; without, a share
    ``config.held_out`` is kept apart. Raises `DataError` as `sma_core.data.prepare.prepare` does.
    """
    labelled = targets is not None
    return prepare(
        PrepareRequest(
            source=source.path,
            reader=registry.build(source.reader),
            reader_name=source.reader.name,
            tokenizer=tokenizer,
            cache=cache_folder() / "prepared",
            max_length=max_length,
            column=source.column,
            usual_columns=registry.domain.columns,
            truncate=config.truncate,
            check=registry.domain.check if config.check_rows else None,
            max_rejected=config.max_rejected,
            held_out=None if labelled else config.held_out,
            targets=targets or (),
            keep_text=labelled,
            processes=config.processes,
        ),
        progress,
    )
