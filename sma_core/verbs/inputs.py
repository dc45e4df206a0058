"""From a source to a prepared store, with the parts the domain names."""

from __future__ import annotations

from typing import Any

from sma_core.config import DataConfig
from sma_core.data.prepare import Progress, prepare
from sma_core.data.prepared import Prepared, PrepareRequest, ValuesRequest
from sma_core.data.store_format import LabelForm
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.errors import PluginError
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Tokenizer
from sma_core.verbs.datasets import Source, cache_folder
from sma_core.verbs.run_plugins import plugin_facts


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
    source: Source,
    config: DataConfig,
    tokenizer: DiscreteTokenizer,
    max_length: int,
    targets: tuple[str, ...] | None = None,
    progress: Progress | None = None,
    label_form: LabelForm = "numbers",
    position_mask: str | None = None,
    extras: tuple[str, ...] = (),
) -> Prepared:
    """Prepare a source's store of ids, or find it prepared.

    With ``targets`` all rows go into one store with labels and texts, for a splitter, and with the texts of the
    columns ``extras``; without, a share ``config.held_out`` is kept apart.
    Raises `DataError` as `sma_core.data.prepare.prepare` does.
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
            label_form=label_form,
            extras=extras,
            position_mask=position_mask,
            keep_text=labelled,
            processes=config.processes,
        ),
        progress,
    )


def prepare_values(
    registry: Registry,
    source: Source,
    config: DataConfig,
    max_length: int,
    targets: tuple[str, ...] | None = None,
    progress: Progress | None = None,
    label_form: LabelForm = "numbers",
    extras: tuple[str, ...] = (),
) -> Prepared:
    """Prepare a source's store of numbers, or find it prepared; otherwise as `prepare_source`."""
    return prepare(values_request(registry, source, config, max_length, targets, label_form, extras), progress)


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
        source=source.path,
        reader=registry.build(source.reader),
        reader_name=source.reader.name,
        cache=cache_folder() / "prepared",
        max_length=max_length,
        columns=source.columns,
        names=source.names,
        sentinels=registry.domain.sentinels,
        max_rejected=config.max_rejected,
        held_out=None if targets is not None else config.held_out,
        targets=targets or (),
        label_form=label_form,
        extras=extras,
    )
