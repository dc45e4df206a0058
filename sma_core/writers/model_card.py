"""Write the model card of a fine-tuned run, its ``README.md``."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from sma_core.config import FinetuneConfig
from sma_core.evaluation.calibration import BINS
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.plugins.domain_file import domain_option
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Task
from sma_core.runs.results import FinetuneResult
from sma_core.training.targets import Targets

MOST_REASONS = 5
"""Maximum number of rejection reasons in the card."""
_USE = """```bash
# a line for every row, those that cannot be used with the reason
sma predict --model {run}{domain} FILE --out predictions.csv
# the test figures again, with confidence intervals
sma evaluate --model {run}{domain}
# figures on labelled rows of your own
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
        f"{result.task}, learned by sma": _what(facts, result),
        "Data": _data(facts),
        "Split": _split(facts, result),
        "Figures": _figures(facts, result),
        "Limits": _limits(facts, result),
        "Use": _use(facts, result),
    }
    marks = ["#", *["##"] * (len(parts) - 1)]
    texts = [f"{mark} {title}\n\n{text}\n" for mark, (title, text) in zip(marks, parts.items(), strict=True)]
    return "\n".join(texts)


def _what(facts: CardFacts, result: FinetuneResult) -> str:
    config = facts.config
    start = f"the pre-trained run `{Path(config.pretrained).name}`" if config.pretrained else "random weights"
    encoder = ", its encoder left as it was" if config.training.frozen_encoder else ""
    kind = result.kind + (" (guessed from the labels)" if result.kind_guessed else "")
    named = facts.config.task or facts.registry.domain.task
    task = facts.registry.find(Task, named).summary if named and facts.config.targets is None else result.task
    rows = [
        ("task", task),
        ("domain", f"{result.domain} ({facts.registry.provider(facts.registry.domain)})"),
        ("labels", f"{kind}: {_in_code(facts.targets.names)}"),
        ("head", f"`{facts.head}`"),
        ("parameters", f"{facts.parameters:,}"),
        ("began from", start + encoder),
        ("weights", f"of step {result.best_step:,}, the best {result.metric} on validation"),
        ("made with", f"sma-core {metadata.version('sma-core')}"),
    ]
    if facts.rows.classes:
        rows.insert(3, ("classes", f"{len(facts.rows.classes):,}: {_in_code(facts.rows.classes)}"))
    return _table(("", ""), rows)


def _data(facts: CardFacts) -> str:
    spec, summary = facts.rows.source.first.spec, facts.rows.prepared.summary
    rows = [("rows from", f"`{facts.rows.source.label}`" + (f": {spec.summary}" if spec else ""))]
    rows += [("source", spec.source), ("licence", spec.licence)] if spec else [("licence", "not known to sma")]
    rows += [("rows in the file", f"{summary.rows:,}"), ("set aside", f"{summary.rejected:,}")]
    text = _table(("", ""), rows)
    if summary.rejected:
        reasons = sorted(summary.reasons.items(), key=lambda item: -item[1])[:MOST_REASONS]
        listed = ", ".join(f"{reason} ({count:,})" for reason, count in reasons)
        text += f"\n\nRows were set aside because: {listed}. `rejected.jsonl` lists every one."
    return text


def _split(facts: CardFacts, result: FinetuneResult) -> str:
    rows = result.rows
    return (
        f"`{result.split}`, seed {facts.config.split.seed}: {rows['train']:,} rows for training, "
        f"{rows['valid']:,} for validation, which picked the checkpoint, and {rows['test']:,} for the test."
    )


def _figures(facts: CardFacts, result: FinetuneResult) -> str:
    names = list(result.test)
    metrics = [(name, _number(result.valid[name]), _number(result.test[name])) for name in names]
    text = _table(("figure", "validation", "test"), metrics)
    if result.test_targets:
        targets = [(f"`{name}`", *map(_number, m.values())) for name, m in result.test_targets.items()]
        text += f"\n\nTest, target by target:\n\n{_table(('target', *names), targets)}"
    notes = []
    if result.kind == "regression":
        notes.append("Figures are in the labels' own units.")
    if "calibration_error" in names:
        notes.append(f"The calibration error is the expected one, over {BINS} bins of equal width.")
    return text + "".join(f"\n\n{note}" for note in notes)


def _limits(facts: CardFacts, result: FinetuneResult) -> str:
    config, shortened = facts.config, facts.rows.prepared.summary.shortened
    longest = f"{config.model.max_length:,} {facts.rows.feed.unit}"
    limits = [
        f"Rows longer than {longest} are cut, and their rest is not seen ({shortened:,} of those above were)."
        if config.data.truncate
        else f"Rows longer than {longest} are refused.",
        "Empty rows and rows that cannot be read are refused; `sma predict` gives the reason instead of a value.",
        f"One training with one seed ({config.training.seed}) and one split: another seed gives other figures.",
        "The test rows were looked at once, at the end. Settings chosen by the test figures make these too good.",
        "The figures hold for rows like those of the test; `sma evaluate --data` tells how it does on others.",
    ]
    if facts.registry.domain.check is not None and config.data.check_rows:
        limits.insert(2, f"So are rows that fail the check of the domain, `{facts.registry.domain.check}`.")
    if config.class_weights is not None:
        limits.append("Rare classes counted for more in training, so probabilities of them come out too high.")
    return "\n".join(f"- {limit}" for limit in limits)


def _use(facts: CardFacts, result: FinetuneResult) -> str:
    return _USE.format(
        run=shlex.quote(str(result.run)),
        domain=domain_option(result.domain),
        targets=shlex.quote(",".join(facts.targets.names)),
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _in_code(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(f"`{name}`" for name in names[:most]) + more


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"
