"""The sections of a run's report: what it is, settings, data, learning curves, test metrics, test rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from sma_core.runs.results import Estimate, EvaluateResult
from sma_view.drawer import Drawer
from sma_view.page import Chart, charts, drawing, facts, remark, section, table, warnings
from sma_view.report.charts import curves, svg_of
from sma_view.report.label_charts import charts_of
from sma_view.report.predictions import JudgedRows, TargetPredictions
from sma_view.report.run_facts import Curve, RunFacts
from sma_view.stored_rows import StoredRows

MOST_TARGETS = 6
"""Targets whose charts are drawn, the first."""
WORST = 10
LONGEST_INPUT = 80
DRAWN = 6
"""Worst rows that are drawn."""
CAPTIONS = {
    "parity": "Predictions against labels",
    "residuals": "Prediction minus label",
    "roc": "ROC curve",
    "precision-recall": "Precision and recall; dashed: the share of positives",
    "reliability": "Reliability: share of positives among rows of each predicted probability",
    "confusion": "Labels against predicted classes; colour: share of the label's rows",
}
_OF_TRAINING = ("loss", "learning_rate", "samples_per_second", "epoch", "skipped", "gradient_norm")


def summary(run: RunFacts) -> str:
    """Return what a run is, with its warnings."""
    record, results = run.record, run.results
    packages = ", ".join(dict.fromkeys(record.plugins.values()))
    pairs = [
        ("run", str(run.path)),
        ("kind", f"fine-tuned on {record.task}" if run.is_finetuned else "pre-trained"),
        ("domain", f"{record.domain.name} ({packages})"),
        ("recipe", run.recipe),
        ("step", f"{results.get('step', run.step):,}" + ("" if record.finished else ", not finished")),
    ]
    if "best_step" in results:
        probe = "" if results["best_step"] else ", a linear probe of the encoder, since no epoch was better"
        pairs.append(("weights", f"step {results['best_step']:,}: {results.get('selection', '')}{probe}"))
        pairs += [("training", str(note)) for note in results.get("notes", ())]
    if "seconds" in results:
        pairs.append(("training time", _duration(float(results["seconds"]))))
    return facts(pairs) + warnings(run.warnings)


def settings(run: RunFacts) -> str:
    """Return the settings that differ from the recipe."""
    if run.changed is None:
        return section("Settings", [remark("The recipe is not on this machine; config.toml has all settings.")])
    if not run.changed:
        return section("Settings", [remark(f"All settings are those of the recipe {run.recipe}.")])
    rows = [(change.name, change.value, change.recipe) for change in run.changed]
    return section("Settings that differ from the recipe", [table(("setting", "this run", run.recipe), rows)])


def data(run: RunFacts) -> str:
    """Return the numbers of rows, and the reasons of rejected ones."""
    results = run.results
    source = run.settings.get("data.source")
    own = run.record.task if run.is_finetuned else "the domain's own set"
    pairs = [("rows from", str(own if source in (None, "none") else source))]
    rows = results.get("rows")
    if isinstance(rows, Mapping):
        pairs += [("split", str(results.get("split", "")))]
        pairs += [(f"{part} rows", f"{count:,}") for part, count in rows.items()]
    elif rows is not None:
        pairs += [("rows", f"{rows:,}"), ("held-out rows", f"{results.get('held_out_rows', 0):,}")]
    for name in ("rejected", "truncated", "windowed"):
        if results.get(name):
            pairs.append((f"{name} rows", f"{results[name]:,}"))
    scale = run.record.scale
    if scale is not None:
        unit = "channels" if run.record.sequences else "features"
        shown = ", ".join(scale.columns[:30]) + (", …" if len(scale.columns) > 30 else "")
        pairs.append((unit, f"{len(scale.columns)}: {shown}"))
    reasons = [(reason, f"{count:,}") for reason, count in run.rejected.items()]
    listed = table(("reason for rejection", "rows"), reasons) if reasons else ""
    return section("Data", [facts(pairs), listed])


def learning(runs: Mapping[str, RunFacts], title: str = "Learning curves") -> str:
    """Return charts of the metrics over steps, one line a run; of one run, losses share a chart."""
    drawn = []
    for caption, names in _groups(runs.values()):
        lines: dict[str, Curve] = {}
        for label, run in runs.items():
            for name in (name for name in names if name in run.curves):
                own = f"{label}: {name}" if len(names) > 1 else label
                if name == "held_out_random_loss" and len(runs) == 1 and run.results.get("frequency_loss"):
                    simple = float(run.results["frequency_loss"])
                    lines["frequencies of symbols alone"] = ([0.0, float(run.step)], [simple, simple])
                lines[name if len(runs) == 1 else own] = run.curves[name]
        if lines:
            drawn.append(Chart(caption, svg_of(curves(lines, names[0] if len(names) == 1 else ""))))
    return section(title, [charts(drawn)])


def _groups(runs: Iterable[RunFacts]) -> list[tuple[str, list[str]]]:
    """Return caption and metrics of each chart."""
    known = list(dict.fromkeys(name for run in runs for name in run.curves))
    held_out = [name for name in known if name.startswith("held_out")]
    masks = [name for name in known if name.startswith("mask_")]
    rest = [name for name in known if name not in (*_OF_TRAINING, *held_out, *masks)]
    groups = [("loss of training batches" + (", and on held-out rows" if held_out else ""), ["loss", *held_out])]
    groups += [(f"{name} on validation rows", [name]) for name in rest]
    groups += [("measures of the masks", masks)] if masks else []
    groups += [("norm of the gradient before clipping", ["gradient_norm"]), ("learning rate", ["learning_rate"])]
    return [*groups, ("rows in a second", ["samples_per_second"])]


def test_metrics(run: RunFacts, result: EvaluateResult | None) -> str:
    """Return test metrics, with intervals if they were computed, beside validation and baselines."""
    results = run.results
    test, valid = results.get("test") or {}, results.get("valid") or {}
    baselines = {item["name"]: item for item in results.get("baselines") or [] if item.get("left_out") is None}
    head = ["metric", "validation", "test", *(["95 % interval"] if result else []), *baselines]
    rows = []
    for name in dict.fromkeys((*test, *valid)):
        estimate = result.figures.get(name) if result else None
        cells = [name, number(valid.get(name)), number(test.get(name)), *([_interval(estimate)] if result else [])]
        rows.append([*cells, *(number(item["test"].get(name)) for item in baselines.values())])
    targets = results.get("test_targets") or {}
    names = list(dict.fromkeys(metric for figures in targets.values() for metric in figures))
    by_target = [(target, *(number(figures.get(name)) for name in names)) for target, figures in targets.items()]
    parts = [table(head, rows) if rows else ""]
    parts += [table(("target, test", *names), by_target)] if by_target else []
    if baselines:
        listed = "; ".join(f"{name}: {item['summary']}" for name, item in baselines.items())
        parts.append(remark(f"Baselines, trained on the same rows: {listed}."))
    return section("Metrics", parts)


def rows_of(judged: JudgedRows, part: str, drawer: Drawer) -> str:
    """Return charts of the predictions of each target, and its worst rows, some of them drawn."""
    parts: list[str] = []
    for target in judged.targets[:MOST_TARGETS]:
        drawn = [Chart(CAPTIONS[kind], svg_of(draw)) for kind, draw in charts_of(target).items()]
        worst = [_worst(target), _drawn(target, judged.rows, drawer, len(parts))]
        parts.append(section(target.name, [charts(drawn), *worst], level=3))
    if len(judged.targets) > MOST_TARGETS:
        parts.append(remark(f"Charts of the first {MOST_TARGETS} of {len(judged.targets)} targets."))
    return section(f"Predictions of the {part} rows", parts)


def _worst(target: TargetPredictions) -> str:
    """Return a table of the rows with the largest errors."""
    indices = target.worst(WORST)
    if not indices:
        return ""
    with_input = any(target.inputs)
    lines = []
    for index in indices:
        text = target.inputs[index] if with_input else ""
        shown = text if len(text) <= LONGEST_INPUT else f"{text[: LONGEST_INPUT - 1]}…"
        lines.append([f"{target.rows[index]:,}", *([shown] if with_input else []), *_judged(target, index)])
    head = ("row", *(["input"] if with_input else []), "label", "prediction")
    return remark("The rows with the largest errors:") + table(head, lines)


def _drawn(target: TargetPredictions, rows: StoredRows, drawer: Drawer, number: int) -> str:
    """Return drawings of the worst rows; ``number`` tells the targets of a page apart."""
    pictures = []
    for index in target.worst(DRAWN):
        row = rows.drawn(int(target.stored[index]), f"t{number}-{index}-")
        if row is not None:
            label, prediction = _judged(target, index)
            caption = f"row {target.rows[index]:,}: {label}, predicted {prediction}"
            pictures.append(drawing(caption, drawer.draw(row, int(target.rows[index]))))
    return f'<div class="charts">{"".join(pictures)}</div>' if pictures else ""


def _judged(target: TargetPredictions, index: int) -> tuple[str, str]:
    if target.kind == "regression":
        return number(float(target.labels[index])), number(float(target.values[index]))
    prediction = target.predicted_names[index]
    if target.is_binary:
        prediction = f"{prediction} (probability {target.values[index]:.3g})"
    return target.label_names[index], prediction


def number(value: object) -> str:
    """Return a figure with four digits; a dash if there is none, ``undefined`` for NaN."""
    if not isinstance(value, int | float):
        return "-"
    return "undefined" if math.isnan(value) else f"{value:.4g}"


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return "-"
    return f"{number(estimate.low)} to {number(estimate.high)}"


def _duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    return (
        f"{hours:.1f} hours"
        if hours >= 2
        else f"{minutes:.1f} minutes"
        if minutes >= 2
        else f"{seconds:.0f} seconds"
    )
