"""Write the model card of a fine-tuned run, its ``README.md``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from sma_core.config import FinetuneConfig
from sma_core.config.settings import join_names
from sma_core.evaluation.calibration import BINS
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.plugins.domain_file import domain_option
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Task
from sma_core.printable import counted
from sma_core.runs.results import BaselineResult, FinetuneResult
from sma_core.training.finetuning.targets import Targets
from sma_core.training.finetuning.training_notes import loss_text
from sma_core.writers.markdown import data_section, in_code, number, sections, table, warning_paragraphs

_USE = """```bash
# one line per row; unusable rows have a reason
sma predict --model {run}{domain} FILE --out predictions.csv
# {part} metrics with confidence intervals
sma evaluate --model {run}{domain}{option}
# metrics on your own labelled rows
sma evaluate --model {run}{domain} --data FILE --target {targets}
```"""


@dataclass(frozen=True)
class CardFacts:
    """Inputs of a card besides the result; ``parameters`` is the number of the network's parameters."""

    registry: Registry
    config: FinetuneConfig
    rows: LabelledRows
    targets: Targets
    head: str
    parameters: int


def model_card(facts: CardFacts, result: FinetuneResult) -> str:
    """Return the card as Markdown: model, data, split, metrics, limits and use."""
    parts = {
        f"{result.task}, fine-tuned with sma": _what(facts, result),
        "Data": data_section(facts.rows.source, facts.rows.prepared.summary),
        "Split": _split(facts, result),
        "Metrics": _figures(facts, result),
        "Limits": _limits(facts, result),
        "Use": _use(facts, result),
    }
    return sections(parts)


def _what(facts: CardFacts, result: FinetuneResult) -> str:
    config = facts.config
    start = f"the pre-trained run `{Path(config.pretrained).name}`" if config.pretrained else "random weights"
    encoder = ", with a frozen encoder" if config.training.frozen_encoder else ""
    if config.training.lora_rank is not None:
        encoder = f", with low-rank adapters of rank {config.training.lora_rank}, merged into the weights"
    chosen = f"with the {result.selection}" if result.selection.startswith("best") else result.selection
    probe = ": a linear probe of the encoder, since no epoch was better" if result.best_step == 0 else ""
    kind = result.kind + (f", positive class `{result.positive}`" if result.positive else "")
    named = facts.config.task or facts.registry.domain.task
    task = facts.registry.find(Task, named).summary if named and facts.config.targets is None else result.task
    rows = [
        ("task", task),
        ("domain", f"{result.domain} ({facts.registry.provider(facts.registry.domain)})"),
        ("labels", f"{kind}: {in_code(facts.targets.names)}"),
        ("head", f"`{facts.head}`"),
        ("parameters", f"{facts.parameters:,}"),
        ("initial weights", start + encoder),
        ("weights", f"step {result.best_step:,}, {chosen}{probe}"),
        ("trained with", f"sma-core {metadata.version('sma-core')}"),
    ]
    if result.weight:
        rows.insert(3, ("weights of rows", f"`{result.weight}`, in loss, metrics and baselines"))
    if loss_text(facts.targets):
        rows.insert(3, ("loss", loss_text(facts.targets)))
    if result.kind_guess:
        rows.insert(3, ("kind of labels", result.kind_guess))
    if facts.rows.classes:
        rows.insert(3, ("classes", f"{len(facts.rows.classes):,}: {in_code(facts.rows.classes)}"))
    return table(("", ""), rows)


def _split(facts: CardFacts, result: FinetuneResult) -> str:
    rows = result.rows
    if not result.valid:
        return (
            f"`{result.split}`, seed {facts.config.split.seed}: {counted(rows['train'], 'row')} for "
            f"training, none for "
            f"validation, and {rows['test']:,} for the test."
        )
    selected = ", which selected the checkpoint" if result.selection.startswith("best") else ""
    return (
        f"`{result.split}`, seed {facts.config.split.seed}: {counted(rows['train'], 'row')} for training, "
        f"{rows['valid']:,} for validation{selected}, and {rows['test']:,} for the test."
    )


def _figures(facts: CardFacts, result: FinetuneResult) -> str:
    columns = {"validation": result.valid, "test": result.test}
    columns = {part: figures for part, figures in columns.items() if figures}
    names = list(result.test or result.valid)
    metrics = [(name, *(number(figures[name]) for figures in columns.values())) for name in names]
    text = table(("metric", *columns), metrics)
    text += warning_paragraphs(result.warnings)
    if result.test_targets:
        targets = [(f"`{name}`", *map(number, m.values())) for name, m in result.test_targets.items()]
        text += f"\n\nTest metrics of each target:\n\n{table(('target', *names), targets)}"
    text += _baselines(result)
    notes = []
    if result.kind == "regression":
        notes.append("RMSE and MAE are in the units of the labels.")
    if "calibration_error" in names:
        notes.append(f"The calibration error is the expected calibration error with {BINS} bins of equal width.")
    return text + "".join(f"\n\n{note}" for note in notes)


def _baselines(result: FinetuneResult) -> str:
    """Return the test metrics of the baselines below those of the model; empty without baselines."""
    names = [*result.test]
    scored = [item for item in result.baselines if item.left_out is None]
    if not scored:
        return ""
    rows = [("this model", *(number(result.test[name]) for name in names), "all")]
    rows += [
        (f"`{item.name}`", *(number(item.test[name]) for name in names), _baseline_rows(item, result))
        for item in scored
    ]
    described = "".join(f"\n- `{item.name}`: {item.summary}" for item in scored)
    scores = table(("test", *names, "rows"), rows)
    return f"\n\nBaselines on the same split:\n\n{scores}\n{described}"


def _baseline_rows(baseline: BaselineResult, result: FinetuneResult) -> str:
    """Return which rows a baseline used: all, or the numbers of the reduced parts."""
    reduced = [
        f"{used:,} of {result.rows[part]:,} {part}"
        for part, used in baseline.rows.items()
        if used < result.rows[part]
    ]
    return ", ".join(reduced) or "all"


def _limits(facts: CardFacts, result: FinetuneResult) -> str:
    config, shortened = facts.config, facts.rows.prepared.summary.shortened
    longest = f"{config.model.max_length:,} {facts.rows.feed.unit}"
    limits = [
        f"Rows longer than {longest} are truncated ({shortened:,} of the rows above were)."
        if config.data.truncate
        else f"Rows longer than {longest} are rejected.",
        "Empty and unreadable rows are rejected; `sma predict` reports the reason instead of a prediction.",
        f"The model was trained once, with seed {config.training.seed}, on one split; metrics vary with both.",
        "The test rows were evaluated once, at the end. Choosing settings by test metrics makes them optimistic."
        if result.test
        else "No rows were kept for a test. The validation metrics selected the checkpoint, so they are too good.",
        "The metrics apply to rows like those above; run `sma evaluate --data` to evaluate other rows.",
    ]
    if facts.registry.domain.check is not None and config.data.check_rows:
        limits.insert(2, f"Rows that fail the domain's check, `{facts.registry.domain.check}`, are rejected.")
    if config.class_weights is not None:
        limits.append("Training weighted some classes more, so their predicted probabilities are too high.")
    return "\n".join(f"- {limit}" for limit in limits)


def _use(facts: CardFacts, result: FinetuneResult) -> str:
    return _USE.format(
        run=shlex.quote(str(result.run)),
        domain=domain_option(result.domain),
        part="test" if result.test else "validation",
        option="" if result.test else " --part valid",
        targets=shlex.quote(join_names(facts.targets.names)),
    )
