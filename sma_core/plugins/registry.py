"""Everything one domain's plugins and the core offer, by kind and name."""

from __future__ import annotations

import difflib
import logging
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from sma_core.errors import IncompatiblePluginError, PluginError
from sma_core.files import data_suffix
from sma_core.plugins.api_version import api_fit, check_api, misfit
from sma_core.plugins.discovery import InstalledPlugin, PluginPolicy
from sma_core.plugins.domain_file import FILE, is_file, load_file, moved, named
from sma_core.plugins.imports import output_to_stderr, resolve
from sma_core.plugins.loading import BrokenPlugin, LoadedPlugins, load_alone, load_plugins, reason_of
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
from sma_core.plugins.specs import (
    DataSet,
    Domain,
    Head,
    PredictionColumns,
    Reader,
    Renderer,
    ShippedModel,
    ShippedRecipe,
    ShippedSuite,
    Spec,
    Splitter,
    TableFormat,
    Task,
    Tokenizer,
)

logger = logging.getLogger("sma")

S = TypeVar("S", bound=Spec)
SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods")
_HOOKS: dict[str, type[Spec]] = {
    "sma_domains": Domain,
    "sma_tokenizers": Tokenizer,
    "sma_readers": Reader,
    "sma_datasets": DataSet,
    "sma_heads": Head,
    "sma_tasks": Task,
    "sma_splitters": Splitter,
    "sma_renderers": Renderer,
    "sma_masking_strategies": MaskingStrategy,
    "sma_losses": Loss,
    "sma_position_embeddings": PositionEmbedding,
    "sma_encoders": EncoderType,
    "sma_augmentations": Augmentation,
    "sma_optimizers": Optimizer,
    "sma_schedules": Schedule,
    "sma_metrics": Metric,
    "sma_models": ShippedModel,
    "sma_recipes": ShippedRecipe,
    "sma_suites": ShippedSuite,
    "sma_table_formats": TableFormat,
    "sma_prediction_columns": PredictionColumns,
    "sma_baselines": Baseline,
}
_NOUNS: dict[type[Spec], str] = {
    Domain: "domain",
    Tokenizer: "tokenizer",
    Reader: "reader",
    DataSet: "data set",
    Head: "head",
    Task: "task",
    Splitter: "splitter",
    Renderer: "renderer",
    MaskingStrategy: "masking strategy",
    Loss: "loss",
    PositionEmbedding: "position embedding",
    EncoderType: "encoder",
    Augmentation: "augmentation",
    Optimizer: "optimizer",
    Schedule: "schedule",
    Metric: "metric",
    ShippedModel: "model",
    ShippedRecipe: "recipe",
    ShippedSuite: "suite",
    TableFormat: "table format",
    PredictionColumns: "column of predictions",
    Baseline: "baseline",
}


@dataclass(frozen=True)
class _Entry:
    spec: Spec
    provider: str


class Registry:
    """The specs that serve one domain.

    Build it with `Registry.load`. Look-ups take a bare name (``reviews``) or one with the domain in
    front (``text:reviews``) and raise `PluginError` with near names when there is no such spec.
    ``reference`` is what finds the domain again: its name, or the whole path of the file it came from.
    """

    def __init__(
        self, domain: str, loaded: LoadedPlugins, strict: bool = False, reference: str | None = None
    ) -> None:
        self.name = domain
        self.reference = reference or domain
        self.packages = loaded.packages
        self.strict = strict
        self.broken: list[BrokenPlugin] = list(loaded.broken)
        self._manager = loaded.manager
        self._entries: dict[tuple[type[Spec], str], _Entry] = {}
        for plugin, provider in loaded.packages.items():
            self._collect(plugin, provider, loaded, strict)
        if (Domain, domain) not in self._entries:
            raise PluginError(_no_domain(domain, self.packages[domain]))
        self.domain = self.find(Domain, domain)

    @classmethod
    def load(cls, domain: str, policy: PluginPolicy | None = None) -> Self:
        """Import the plugins of ``domain`` and collect what they offer; warn of broken extensions.

        ``domain`` may also be the absolute path of a Python file that ``policy`` names (`domain_file.named`).
        """
        policy = policy or PluginPolicy.from_environment()
        if is_file(domain):
            return cls._load_file(Path(domain), policy)
        loaded = load_plugins(domain, policy)
        _warn(loaded.newer, policy.strict)
        registry = cls(domain, loaded, policy.strict)
        _warn(set(registry._newer()) - set(loaded.newer), policy.strict)
        _warn(map(str, registry.broken), strict=False)
        return registry

    def _newer(self) -> Iterator[str]:
        """Yield a sentence when the domain itself says that it was made for a newer contract."""
        if api_fit(self.domain.api_version) == "newer":
            provider = self.provider(self.domain)
            yield f"{provider} was {misfit(self.domain.api_version, provider.partition(' ')[0])}"

    @classmethod
    def load_named(cls, domain: str, policy: PluginPolicy | None = None) -> Self:
        """Load a domain that the user named; a Python file is then allowed, also by a path that is not whole."""
        if is_file(domain):
            path, policy = named(domain, policy)
            return cls.load(str(path), policy)
        return cls.load(domain, policy)

    @classmethod
    def _load_file(cls, path: Path, policy: PluginPolicy) -> Self:
        path = moved(path, policy)
        loaded = load_file(path, policy)
        try:
            domains = [name for kind, name in _specs_of(FILE, loaded.packages[FILE], loaded) if kind is Domain]
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(f"the file {path} cannot be used as a domain: {reason_of(error)}") from error
        if len(domains) != 1:
            raise PluginError(
                f"the file {path} must give one domain, not {len(domains)}: with a function sma_domains, marked "
                "@hookimpl, that returns [Domain(…)]"
            )
        _warn(loaded.newer, policy.strict)
        registry = cls(domains[0], loaded, policy.strict, reference=str(path))
        _warn(map(str, registry.broken), strict=False)
        return registry

    def _collect(self, plugin: str, provider: str, loaded: LoadedPlugins, strict: bool) -> None:
        """Take one plugin's specs, all or none: a failure leaves out an extension, not the program."""
        try:
            entries = _specs_of(plugin, provider, loaded)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            package, _, version = provider.rpartition(" ")
            sentence = reason_of(error, package)
            if plugin in (self.name, "core", FILE) or strict:
                raise PluginError(f"the plugin {plugin!r} ({provider}) cannot be used: {sentence}") from error
            record = InstalledPlugin(plugin, package, version, "", plugin)
            self.broken.append(BrokenPlugin(record, sentence, traceback.format_exc()))
            return
        for key, entry in entries.items():
            if key in self._entries:
                raise PluginError(
                    f"the {_NOUNS[key[0]]} {key[1]!r} is provided by both {self._entries[key].provider} "
                    f"and {entry.provider}; uninstall one of them or rename it"
                )
            self._entries[key] = entry

    def observers(self) -> list[tuple[object, str]]:
        """Every plugin that is told of events, with the package that brings it; the broken ones are left out."""
        broken = {failure.plugin.name for failure in self.broken}
        watching = {hook.plugin_name: hook.plugin for hook in self._manager.hook.sma_on_event.get_hookimpls()}
        return [
            (watching[name], provider)
            for name, provider in self.packages.items()
            if name in watching and name not in broken
        ]

    def specs(self, kind: type[S]) -> list[S]:
        """All specs of one kind, sorted by name."""
        return sorted(self.in_order(kind), key=lambda spec: spec.name)

    def in_order(self, kind: type[S]) -> list[S]:
        """All specs of one kind as plugins list them, the core's first."""
        return [entry.spec for entry in self._entries.values() if isinstance(entry.spec, kind)]

    def find(self, kind: type[S], name: str) -> S:
        """The spec ``name`` of one kind; raises `PluginError` with near names when there is none."""
        prefix, colon, rest = name.rpartition(":")
        if colon and prefix != self.name:
            raise PluginError(
                f"{name!r} belongs to the domain {prefix!r}, but this run's domain is {self.name!r}; "
                f"use `domain={prefix}`"
            )
        entry = self._entries.get((kind, rest))
        if entry is None or not isinstance(entry.spec, kind):
            raise PluginError(self._miss(kind, rest))
        return entry.spec

    def _miss(self, kind: type[Spec], name: str) -> str:
        names = [spec.name for spec in self.specs(kind)]
        near = difflib.get_close_matches(name, names, n=1)
        if near:
            hint = f"did you mean {near[0]!r}?"
        elif names:
            hint = f"there are {', '.join(names)}"
        else:
            hint = f"an extension named {self.name}.something could add it"
        return f"the domain {self.name!r} has no {_NOUNS[kind]} {name!r}: {hint}"

    def provider(self, spec: Spec) -> str:
        """Package and version that brought ``spec``."""
        return self._entries[type(spec), spec.name].provider

    def is_core(self, spec: Spec) -> bool:
        """Whether the core itself brought ``spec``, and no plugin."""
        return self.provider(spec) == self.packages.get("core")

    def label(self, spec: Spec) -> str:
        """Return kind, name and provider of ``spec``, for messages: ``the head 'own' of sma-lab 1.0``."""
        return f"the {_NOUNS[type(spec)]} {spec.name!r} of {self.provider(spec)}"

    def reader_for(self, path: Path, name: str | None = None) -> Reader:
        """The reader called ``name``, or the one that serves the file's suffix, for the domain's kind of rows.

        Raises `PluginError` when no reader serves the suffix; the sentence lists those that are served.
        """
        wanted = "blocks" if self.domain.input_kind == "continuous" else "rows"
        readers = [reader for reader in self.specs(Reader) if reader.reads == wanted]
        if name is not None:
            return self._fitting(self.find(Reader, name), readers)
        suffix = data_suffix(path)
        fitting = [reader for reader in readers if suffix and suffix in reader.suffixes]
        if fitting:  # the domain's own, rather than the core's
            return min(fitting, key=self.is_core)
        hint = "; save the sheet as .csv" if suffix in SPREADSHEETS else ""
        known = ", ".join(sorted({suffix for reader in readers for suffix in reader.suffixes}))
        raise PluginError(
            f"{path}: no reader serves this kind of file{hint}; the endings served are {known} "
            "(each also with .gz or .zst), or name a reader with `data.reader=NAME`"
        )

    def folder_reader(self, name: str | None) -> str | None:
        """The name of the reader that gets whole folders: ``name``, else the domain's; None if it reads files."""
        reader = self.find(Reader, name or self.domain.reader)
        return reader.name if reader.reads_folders else None

    def _fitting(self, reader: Reader, fitting: list[Reader]) -> Reader:
        """Return the reader; raises `PluginError` when it reads another kind of rows than the domain has."""
        if reader not in fitting:
            has, gives = ("numbers", "text") if reader.reads == "rows" else ("text", "numbers")
            names = ", ".join(each.name for each in fitting) or "none"
            raise PluginError(
                f"the reader {reader.name!r} gives rows of {gives}, but the domain {self.name!r} has rows of "
                f"{has}: choose one of {names}"
            )
        return reader

    def build(self, spec: Spec) -> Any:  # noqa: ANN401 - each kind of spec names its own type
        """Import what the spec's ``factory`` names, without calling it."""
        factory = spec.references.get("factory")
        if factory is None:
            raise PluginError(f"the {_NOUNS[type(spec)]} {spec.name!r} has no factory")
        return resolve(factory, self.label(spec))


def _warn(sentences: Iterable[str], strict: bool) -> None:
    """Log each sentence, or raise the first as `IncompatiblePluginError`."""
    for sentence in sentences:
        if strict:
            raise IncompatiblePluginError(sentence)
        logger.warning("%s", sentence)


def specs_alone(plugin: InstalledPlugin) -> list[Spec]:
    """Import one plugin and no other, and return what it gives; whatever is wrong with it is raised."""
    loaded = load_alone(plugin)
    provider = loaded.packages[plugin.name]
    entries = _specs_of(plugin.name, provider, loaded)
    if plugin.name == plugin.domain and (Domain, plugin.name) not in entries:
        raise PluginError(_no_domain(plugin.name, provider))
    return [entry.spec for entry in entries.values()]


def _no_domain(domain: str, provider: str) -> str:
    return (
        f"the plugin {domain!r} ({provider}) provides no domain of its name: its hook "
        f"sma_domains must return [Domain(name={domain!r}, …)]"
    )


def noun(spec: Spec) -> str:
    """What a spec is, in a word or two: ``reader``, ``data set``."""
    return _NOUNS[type(spec)]


def _specs_of(plugin: str, provider: str, loaded: LoadedPlugins) -> dict[tuple[type[Spec], str], _Entry]:
    """Call every hook of one plugin; raise `PluginError` when a hook gives the wrong type."""
    others = [loaded.manager.get_plugin(name) for name in loaded.packages if name != plugin]
    entries: dict[tuple[type[Spec], str], _Entry] = {}
    for hook, kind in _HOOKS.items():
        caller = loaded.manager.subset_hook_caller(hook, others)
        with output_to_stderr():
            answers = caller()
        if len(answers) < len(caller.get_hookimpls()):  # pluggy drops None
            answers = [None]
        for answer in answers:
            if not isinstance(answer, list) or not all(isinstance(spec, kind) for spec in answer):
                raise PluginError(f"its hook {hook} must return a list of {kind.__name__}, not {answer!r}")
            for spec in answer:
                if (kind, spec.name) in entries:
                    raise PluginError(f"its hook {hook} gives {spec.name!r} twice")
                entries[kind, spec.name] = _Entry(spec, provider)
                if isinstance(spec, Domain):
                    check_api(spec.api_version, provider)
    return entries
