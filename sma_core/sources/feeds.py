"""What a model is fed: ids of a tokenizer, or standardised numbers, and what a run's folder says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sma_core.config import DataConfig
from sma_core.data.scaling import FeatureScale
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.errors import CheckpointError
from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs, Inputs
from sma_core.plugins.registry import Registry
from sma_core.sources.prepare import build_tokenizer, check_tokenizer, tokenizer_facts


@dataclass(frozen=True)
class Feed:
    """Rows become ids through ``tokenizer``, or are numbers that ``scale`` standardises: one of the two."""

    tokenizer: DiscreteTokenizer | None = None
    scale: FeatureScale | None = None

    @property
    def inputs(self) -> Inputs:
        """What the network must be built for."""
        if self.tokenizer is None:
            return ContinuousInputs(1)
        return DiscreteInputs(self.tokenizer.vocabulary_size)

    @property
    def pad_id(self) -> int:
        """The id after each input's end; 0 for numbers."""
        return 0 if self.tokenizer is None else self.tokenizer.pad_id

    def facts(self) -> dict[str, Any]:
        """Return what ``model.json`` says of it."""
        if self.tokenizer is not None:
            return {"tokenizer": tokenizer_facts(self.tokenizer)}
        return {"scale": self.scale.to_json()} if self.scale is not None else {}


def is_continuous(registry: Registry) -> bool:
    """Whether the domain's rows are numbers."""
    return registry.domain.input_kind == "continuous"


def begin_feed(registry: Registry, config: DataConfig) -> Feed:
    """Return the feed of a new run; the scale of numbers is not known before the rows are read."""
    return Feed() if is_continuous(registry) else Feed(build_tokenizer(registry, config.tokenizer))


def feed_of_run(registry: Registry, config: DataConfig, facts: dict[str, Any]) -> Feed:
    """Return the feed that the ``model.json`` of a run describes.

    Raises `PluginError` when the tokenizer installed is another, `CheckpointError` when the run and the domain
    hold different kinds of rows.
    """
    if is_continuous(registry) != ("scale" in facts):
        raise CheckpointError(
            f"the run was trained on another kind of rows than the domain {registry.name!r} has now: install the "
            "plugin's version the model was made with"
        )
    if is_continuous(registry):
        return Feed(scale=FeatureScale.from_json(facts["scale"]))
    feed = begin_feed(registry, config)
    assert feed.tokenizer is not None, "the domain's rows are text"
    check_tokenizer(feed.tokenizer, facts["tokenizer"])
    return feed
