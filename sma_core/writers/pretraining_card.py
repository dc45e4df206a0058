"""Write the card of a pre-trained run, its ``README.md``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from importlib import metadata

from sma_core.config import PretrainConfig
from sma_core.data.preparation.prepared import PrepareSummary
from sma_core.feeds.feed import Feed
from sma_core.plugins.domain_file import domain_option
from sma_core.plugins.registry import Registry
from sma_core.printable import counted
from sma_core.runs.results import TrainResult
from sma_core.sources.source_set import SourceSet
from sma_core.writers.markdown import data_section, in_code, number, sections, table, warning_paragraphs

_USE = """```bash
# learn labels of your own rows
sma finetune --model {run}{domain} --data FILE --target COLUMN
# vectors of rows
sma embed --model {run}{domain} FILE --out vectors.npy
```"""


@dataclass(frozen=True)
class PretrainingFacts:
    """Inputs of a card besides the result; ``parameters`` is the number of the network's parameters."""

    registry: Registry
    config: PretrainConfig
    source: SourceSet
    summary: PrepareSummary
    feed: Feed
    parameters: int


def pretraining_card(facts: PretrainingFacts, result: TrainResult) -> str:
    """Return the card as Markdown: model, data, losses with warnings, limits and use."""
    features = [("features", in_code(facts.feed.columns))] if facts.feed.columns else []
    held_out = ("held-out rows", f"{result.held_out_rows:,}, on which the losses below are measured")
    return sections(
        {
            f"{facts.source.label}, pre-trained with sma": _what(facts, result),
            "Data": data_section(facts.source, facts.summary, [held_out, *features]),
            "Loss on held-out rows": _losses(result),
            "Limits": _limits(facts, result),
            "Use": _USE.format(run=shlex.quote(str(result.run)), domain=domain_option(result.domain)),
        }
    )


def _what(facts: PretrainingFacts, result: TrainResult) -> str:
    model, masking, registry = facts.config.model, facts.config.masking, facts.registry
    rows = [
        ("domain", f"{result.domain} ({registry.provider(registry.domain)})"),
        ("recipe", f"`{facts.config.recipe}`"),
        (
            "encoder",
            f"`{model.encoder}`, {counted(model.layers, 'layer')}, for up to {model.max_length:,} "
            f"{facts.feed.unit}",
        ),
        ("parameters", f"{facts.parameters:,}"),
        ("masks", f"`{masking.strategy}`, {masking.ratio:.3g} of each row"),
        ("weights", f"step {result.step:,}, after {result.seconds / 60:.1f} minutes"),
        ("trained with", f"sma-core {metadata.version('sma-core')}"),
    ]
    return table(("", ""), rows)


def _losses(result: TrainResult) -> str:
    rows = [
        ("the masks of the training", number(result.held_out_first), number(result.held_out_last)),
        ("random masks", number(result.held_out_random_first), number(result.held_out_random_last)),
    ]
    if result.frequency_loss is not None:
        rows.append(("random masks, frequencies of symbols alone", "-", number(result.frequency_loss)))
    return table(("under", "first step", "end"), rows) + warning_paragraphs(result.warnings)


def _limits(facts: PretrainingFacts, result: TrainResult) -> str:
    data, registry = facts.config.data, facts.registry
    limits = [f"The model was trained once, with seed {facts.config.training.seed}."]
    if result.truncated:
        limits.append(f"{counted(result.truncated, 'row')} longer than the model, read in part.")
    if result.windowed:
        limits.append(
            f"{counted(result.windowed, 'row')} longer than the model, read in "
            f"{counted(result.windows, 'window')}."
        )
    if data.normalise:
        limits.append("Rows are read in the normal form of the domain.")
    elif registry.domain.normalise is not None:
        limits.append("Rows are read as they are written: other spellings of a row have other vectors.")
    if registry.domain.check is not None and data.check_rows:
        limits.append(f"Rows that fail the domain's check, `{registry.domain.check}`, are rejected.")
    return "\n".join(f"- {limit}" for limit in limits)
