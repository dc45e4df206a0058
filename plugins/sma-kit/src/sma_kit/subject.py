"""Access to the plugin under test: its specs, its parts, and rows to try them on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.plugins.imports import resolve
from sma_core.plugins.method_specs import (
    Augmentation,
    Baseline,
    EncoderType,
    Loss,
    MaskingStrategy,
    Metric,
    Optimizer,
    PositionEmbedding,
    Schedule,
)
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import (
    DataSet,
    Head,
    PredictionColumns,
    Reader,
    Renderer,
    ShippedRecipe,
    ShippedSuite,
    Spec,
    Splitter,
    TableFormat,
    Task,
    Tokenizer,
)
from sma_kit.checks import parts
from sma_kit.verdicts import explained, fail, skip, with_its_rule

if TYPE_CHECKING:
    from sma_core.config import PretrainConfig
    from sma_core.data.blocks import Block
    from sma_core.data.tokenizers import DiscreteTokenizer, EncodedRows
    from sma_core.sources.data_sets import Source

KINDS: tuple[type[Spec], ...] = (
    Tokenizer,
    Reader,
    DataSet,
    Head,
    Task,
    Splitter,
    Renderer,
    MaskingStrategy,
    Loss,
    PositionEmbedding,
    EncoderType,
    Augmentation,
    Optimizer,
    Schedule,
    Metric,
    TableFormat,
    PredictionColumns,
    Baseline,
    ShippedRecipe,
    ShippedSuite,
)
SAMPLE_ROWS = 300
BLOCK_ROWS = 5000
NO_SAMPLE = "the default data set does not ship: check with `data=FILE`, or set sample_file in a test"


class Subject:
    """The attributes set by the author's test, and helpers derived from them; subclasses add the checks."""

    domain: ClassVar[str]
    good_rows: ClassVar[Sequence[str]] = ()
    bad_rows: ClassVar[Sequence[str]] = ()
    sample_file: ClassVar[Path | None] = None
    allowed_imports: ClassVar[Sequence[str]] = ()

    def __init_subclass__(cls) -> None:
        """Let every check of the contract itself fail with its rule where the plugin's code raises."""
        super().__init_subclass__()
        for name, member in list(vars(cls).items()):
            if name.startswith("test_") and cls.__module__.startswith("sma_kit."):
                setattr(cls, name, with_its_rule(member))

    def _registry(self) -> Registry:
        """Load the plugin, or fail the check."""
        with explained("the plugin must load"):
            return Registry.load_named(self.domain, policy_for(self.domain))

    def _plugin_specs(self) -> list[Spec]:
        """Return the domain and the specs that the plugin adds."""
        registry = self._registry()
        return [registry.domain, *own_specs(registry)]

    def _pretraining(self, recipe: str) -> PretrainConfig:
        """Return the pre-training settings of a recipe."""
        registry = self._registry()
        from sma_core.runs.settings import Request, pretrain_settings

        with explained(f"the recipe {recipe} must be complete settings"):
            return pretrain_settings(registry, Request(recipe)).config

    def _text_registry(self) -> Registry:
        """Load the plugin; skip for a domain of numbers."""
        registry = self._registry()
        if registry.domain.input_kind != "discrete":
            skip("the domain's inputs are continuous")
        return registry

    def _tokenizer(self) -> DiscreteTokenizer:
        """Build the domain's default tokenizer; skip for a domain of numbers."""
        from sma_core.feeds.text import build_tokenizer

        registry = self._text_registry()
        with explained("factory() must create the domain's tokenizer"):
            return build_tokenizer(registry, None)

    def _tokenizers(self) -> list[tuple[Tokenizer, DiscreteTokenizer]]:
        """Build every tokenizer of the plugin and the domain's default; skip when there is none."""
        from sma_core.feeds.text import create_tokenizer

        registry = self._registry()
        chosen = registry.domain.tokenizer
        specs = [spec for spec in registry.specs(Tokenizer) if spec.name == chosen or is_own(registry, spec)]
        if not specs:
            skip("the domain's inputs are continuous")
        tokenizers = []
        for spec in specs:
            with explained(f"factory() must create the Tokenizer {spec.name!r}"):
                tokenizers.append((spec, create_tokenizer(registry, spec)))
        return tokenizers

    def _encoded(self, tokenizer: DiscreteTokenizer, rows: list[str], advice: str = "") -> EncodedRows:
        """Encode rows; fail when encode raises, or returns anything but `EncodedRows`."""
        from sma_core.data.plugin_code import ids_of

        with explained(advice or f"encode of the tokenizer {tokenizer.name!r} must encode good_rows"):
            return ids_of(tokenizer, rows, range(1, len(rows) + 1))

    def _good_rows(self) -> list[str]:
        """Return the author's good rows; fail when there are none."""
        if not self.good_rows:
            fail("set good_rows on the test class to a few rows that the domain's check accepts")
        return list(self.good_rows)

    def _rows_for(self, spec: Tokenizer) -> list[str]:
        """Return rows of text to try a tokenizer on; skip when the domain has none."""
        if self._registry().domain.input_kind != "discrete" and not self.good_rows:
            skip(f"set good_rows to try the Tokenizer {spec.name!r}: the domain's own rows are numbers")
        return self._good_rows()

    def _check(self) -> str:
        """Return the reference of the check function; skip when there is none."""
        reference = self._registry().domain.check
        if reference is None:
            skip("the domain has no check function")
        return reference

    def _answers(self, reference: str, rows: list[str], what: str = "") -> list[str | None]:
        """Call the check function on ``rows``, described by ``what``; fail when it raises or omits rows."""
        with explained(f"{reference} must return{what and ' for '}{what}, not raise"):
            answers: list[str | None] = resolve(reference, f"the domain {self.domain!r}")(list(rows))
        if not isinstance(answers, list) or len(answers) != len(rows):
            fail(f"{reference} must return a list with one item per row")
        return answers

    def _sample_place(self) -> tuple[str, Reader, Path, str | None] | None:
        """Return label, reader, file and column of the sample, or None when the default set does not ship."""
        from sma_core.sources.data_sets import locate

        registry = self._registry()
        if self.sample_file is not None:
            reader = registry.find(Reader, registry.domain.reader)
            return self.sample_file.name, reader, self.sample_file, None
        spec = registry.find(DataSet, registry.domain.dataset)
        if spec.locate is None:
            return None
        path = locate(registry, spec)
        return spec.name, registry.reader_for(path, spec.reader), path, spec.column

    def _sample_records(self) -> tuple[str, list[Any]] | None:
        """Return the sample's label and first records, or None when the default set does not ship."""
        registry = self._registry()
        with explained("the domain's reader must read its sample"):
            if (sample := self._sample_place()) is None:
                return None
            label, reader, path, column = sample
            return label, parts.read_some(registry, reader, path, column, SAMPLE_ROWS)

    def _rows(self) -> list[str]:
        """Return rows of the sample that pass the check, or the good rows; empty strings for numbers."""
        from sma_core.data.records import Row

        if self._registry().domain.input_kind != "discrete":
            return [""] * SAMPLE_ROWS
        sample = self._sample_records()
        rows = [record.text for record in sample[1] if isinstance(record, Row)] if sample else []
        check = self._registry().domain.check
        if check and rows:
            rows = [t for t, answer in zip(rows, self._answers(check, rows), strict=True) if answer is None]
        return rows or self._good_rows()

    def _numbers(self) -> Registry:
        """Load the plugin; skip for a domain of text."""
        registry = self._registry()
        if registry.domain.input_kind != "continuous":
            skip("the domain's inputs are discrete")
        return registry

    def _blocks(self, registry: Registry) -> tuple[Source, list[Block]]:
        """Read the first blocks of the sample; skip when there is none, fail when it has no usable row."""
        with explained("the domain's reader must read its sample"):
            source = self._block_source(registry)
            blocks = [] if source is None else parts.read_blocks(registry, source, BLOCK_ROWS)
        if source is None:
            skip(NO_SAMPLE)
        if not blocks:
            fail(f"the reader must yield blocks of usable rows (sma_core.data.blocks.Block) from {source.label}")
        return source, blocks

    def _block_source(self, registry: Registry) -> Source | None:
        from sma_core.config import DataConfig
        from sma_core.sources.data_sets import find_source

        if self.sample_file is not None:
            return find_source(registry, DataConfig(source=str(self.sample_file), reader=registry.domain.reader))
        spec = registry.find(DataSet, registry.domain.dataset)
        return find_source(registry, DataConfig(source=spec.name)) if spec.locate is not None else None


def policy_for(domain: str) -> PluginPolicy:
    """Return the policy for contract tests: only this domain, or its file, and warnings are errors."""
    return named(domain, PluginPolicy(frozenset({domain}), strict=True))[1]


def is_own(registry: Registry, spec: Spec) -> bool:
    """Return whether a spec comes from the domain's plugins, not from the core or a general extension."""
    general = {made for name, made in registry.packages.items() if name == "core" or name.startswith("any.")}
    return registry.provider(spec) not in general


def own_specs(registry: Registry) -> list[Spec]:
    """Return all specs that are not the core's own, without the domain."""
    return [spec for kind in KINDS for spec in registry.specs(kind) if is_own(registry, spec)]
