"""From a source to a prepared store, with the parts the domain names."""

from __future__ import annotations

from typing import Any

from sma_core.config import DataConfig
from sma_core.data.preparation.prepare import Progress
from sma_core.data.preparation.prepared import PrepareRequest, ValuesRequest
from sma_core.data.preparation.prepared_set import PreparedSet, prepare_set
from sma_core.data.store.format import LabelForm
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.errors import PluginError
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Tokenizer
from sma_core.runs.provenance import plugin_facts
from sma_core.sources.data_sets import Source, cache_folder
from sma_core.sources.source_set import SourceSet


def build_tokenizer(registry: Registry, name: str | None) -> DiscreteTokenizer:
    """Build the tokenizer called ``name``, or the domain's own; raises `PluginError` when it has none."""
    name = name or registry.domain.tokenizer
    if name is None:
        raise PluginError(f"the domain {registry.name!r} has rows of numbers, which no tokenizer reads")
    spec = registry.find(Tokenizer, name)
    tokenizer: DiscreteTokenizer = registry.build(spec)()
    return tokenizer


def domain_facts(registry: Registry) -> dict[str, Any]:
    """Return what ``model.json`` says of the domain and of all plugins that serve it.

    The domain's name is a whole path where it came from one file.
    """
    domain = {"name": registry.reference, "package": registry.provider(registry.domain)}
    return {"domain": domain, **plugin_facts(registry)}


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
    sources: SourceSet,
    config: DataConfig,
    tokenizer: DiscreteTokenizer,
    max_length: int,
    targets: tuple[str, ...] | None = None,
    progress: Progress | None = None,
    label_form: LabelForm = "numbers",
    position_mask: str | None = None,
    extras: tuple[str, ...] = (),
) -> PreparedSet:
    """Prepare the store of ids of a set of files, or find it prepared.

    With ``targets`` labels and texts come along, for a splitter, and the texts of the columns ``extras``.
    Raises `DataError` as `sma_core.data.preparation.prepared_set.prepare_set` does.
    """
    requests = [
        PrepareRequest(
            source=source.file,
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
            shard_rows=config.shard_rows,
            targets=targets or (),
            label_form=label_form,
            extras=extras,
            position_mask=position_mask,
            keep_text=targets is not None,
            processes=config.processes,
        )
        for source in sources.sources
    ]
    return prepare_set(requests, sources.label, progress)


def prepare_values(
    registry: Registry,
    sources: SourceSet,
    config: DataConfig,
    max_length: int,
    targets: tuple[str, ...] | None = None,
    progress: Progress | None = None,
    label_form: LabelForm = "numbers",
    extras: tuple[str, ...] = (),
) -> PreparedSet:
    """Prepare the store of numbers of a set of files, or find it prepared; otherwise as `prepare_source`."""
    requests = [
        values_request(registry, source, config, max_length, targets, label_form, extras)
        for source in sources.sources
    ]
    return prepare_set(requests, sources.label, progress)


def values_request(
    registry: Registry,
    source: Source,
    config: DataConfig,
    max_length: int,
    targets: tuple[str, ...] | None = None,
    label_form: LabelForm = "numbers",
    extras: tuple[str, ...] = (),
) -> ValuesRequest:
    """Describe a source of numbers and how it is prepared."""
    return ValuesRequest(
        source=source.file,
        reader=registry.build(source.reader),
        reader_name=source.reader.name,
        cache=cache_folder() / "prepared",
        max_length=max_length,
        columns=source.columns,
        names=source.names,
        sentinels=registry.domain.sentinels,
        max_rejected=config.max_rejected,
        shard_rows=config.shard_rows,
        processes=config.processes,
        targets=targets or (),
        label_form=label_form,
        extras=extras,
    )
