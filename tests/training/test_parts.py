"""Learning rate, targets and the progress display."""

from __future__ import annotations

import io
import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from sma_core.config import TrainingConfig
from sma_core.devices import device as arithmetic
from sma_core.devices.device import choose_device, choose_precision
from sma_core.devices.placement import Placement
from sma_core.devices.ranks import Ranks
from sma_core.errors import CheckpointError, ConfigError, DataError
from sma_core.plugins.events import Evaluated, RowsRead, RunFinished, RunStarted, StepLogged
from sma_core.training.finetuning.label_checks import check_labels, guess_kind
from sma_core.training.finetuning.targets import Targets
from sma_core.training.optimizers.groups import build_optimizer
from sma_core.training.optimizers.state import load_optimizer_tensors, optimizer_tensors
from sma_core.training.reporting.progress import ProgressDisplay
from sma_core.training.schedules.rate import learning_rate
from tests.support.processes import python

NAN = float("nan")


def test_the_learning_rate_warms_up_then_falls_as_half_a_cosine():
    config = TrainingConfig(steps=110, learning_rate=2.0, warmup_steps=10)
    rates = [learning_rate(step, 110, config) for step in range(1, 111)]
    assert rates[:10] == pytest.approx([0.2 * step for step in range(1, 11)])
    assert rates[10] == pytest.approx(2.0)
    assert rates[60] == pytest.approx(1.0)
    assert 0 < rates[-1] < 0.01
    assert all(later < earlier for earlier, later in pairwise(rates[10:]))


def test_a_constant_schedule_stays_after_the_warm_up_and_a_short_run_still_warms_up():
    config = TrainingConfig(steps=3, learning_rate=1.0, warmup_steps=100, schedule="constant")
    assert [learning_rate(step, 3, config) for step in (1, 2, 3)] == [0.5, 1.0, 1.0]
    assert learning_rate(1, 1, config) == 1.0


def test_norms_and_biases_are_not_decayed():
    module = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    groups = build_optimizer(module, TrainingConfig(steps=1)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.01, 0.0]
    assert [len(group["params"]) for group in groups] == [1, 3]


def test_the_optimisers_state_survives_as_named_tensors():
    module = nn.Linear(3, 2)
    optimizer = build_optimizer(module, TrainingConfig(steps=1))
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    tensors = optimizer_tensors(optimizer, module)
    assert set(tensors) == {f"{m}.{n}" for m in ("exp_avg", "exp_avg_sq", "step") for n in ("weight", "bias")}
    other = build_optimizer(module, TrainingConfig(steps=1))
    load_optimizer_tensors(other, module, tensors)
    again = optimizer_tensors(other, module)
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)


def test_the_optimiser_makes_the_steps_of_torchs_own_and_calls_its_hooks():
    config, called = TrainingConfig(steps=1, weight_decay=0.1), []
    ours, theirs = nn.Linear(3, 2, bias=False), nn.Linear(3, 2, bias=False)
    theirs.load_state_dict(ours.state_dict())
    own = build_optimizer(ours, config)
    own.register_step_post_hook(lambda *_: called.append("step"))
    reference = torch.optim.AdamW(theirs.parameters(), lr=config.learning_rate, weight_decay=0.1, fused=True)
    for inputs in torch.randn(3, 4, 3):
        for module, optimizer in ((ours, own), (theirs, reference)):
            module(inputs).square().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    assert torch.equal(ours.weight, theirs.weight)
    assert ours.weight.grad is None
    assert called == ["step"] * 3


def test_regression_loss_is_the_scaled_squared_error_of_known_labels():
    labels = np.array([[1.0, 10.0], [3.0, NAN], [5.0, 30.0]])
    targets = Targets.fit(("a", "b"), "regression", labels)
    assert targets.mean == pytest.approx((3.0, 20.0))
    loss = targets.loss(torch.zeros(3, 2), torch.tensor(labels))
    scaled = [(1 - 3) / math.sqrt(8 / 3), 0.0, (5 - 3) / math.sqrt(8 / 3), -1.0, 1.0]
    assert float(loss) == pytest.approx(sum(value**2 for value in scaled) / 5, rel=1e-6)
    assert targets.predictions(torch.zeros(1, 2)).tolist() == [[pytest.approx(3.0), pytest.approx(20.0)]]


def test_a_missing_label_gives_no_gradient():
    targets = Targets.fit(("a", "b"), "multilabel", np.array([[1.0, 0.0]]))
    outputs = torch.zeros(2, 2, requires_grad=True)
    targets.loss(outputs, torch.tensor([[1.0, NAN], [NAN, 0.0]])).backward()
    assert outputs.grad.tolist() == [[-0.25, 0.0], [0.0, 0.25]]


def test_a_constant_target_does_not_divide_by_zero():
    targets = Targets.fit(("a",), "regression", np.full((4, 1), 7.0))
    assert targets.spread == (1.0,)
    assert float(targets.loss(torch.zeros(4, 1), torch.full((4, 1), 7.0))) == 0.0


def test_classes_are_learned_by_cross_entropy_of_the_known_ones():
    targets = Targets.fit(("y",), "multiclass", np.array([[0.0], [2.0]]), ("a", "b", "c"))
    assert targets.outputs == 3
    outputs = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [5.0, 5.0, 5.0]], requires_grad=True)
    loss = targets.loss(outputs, torch.tensor([[0.0], [2.0], [NAN]]))
    by_hand = [math.log(math.exp(2) + 2) - 2, math.log(math.exp(1) + 2)]
    assert float(loss.detach()) == pytest.approx(sum(by_hand) / 2, rel=1e-6)
    loss.backward()
    assert outputs.grad[2].tolist() == [0.0, 0.0, 0.0]
    found = targets.predictions(outputs.detach())
    assert found.sum(axis=1) == pytest.approx(np.ones(3))
    assert targets.columns == ("y", "y:a", "y:b", "y:c")
    assert targets.cells(found[1])[0] == "b"


def test_symbols_are_learned_at_the_positions_that_are_known():
    targets = Targets.fit(("y",), "per-position", np.zeros((2, 0)), ("H", "C"))
    outputs = torch.zeros(2, 3, 2, requires_grad=True)
    labels = torch.tensor([[0.0, 1.0, NAN], [NAN, NAN, 1.0]])
    loss = targets.loss(outputs, labels)
    assert float(loss.detach()) == pytest.approx(math.log(2))
    loss.backward()
    known = ~labels.isnan()
    assert bool((outputs.grad[known].abs().sum(dim=-1) > 0).all())
    assert float(outputs.grad[~known].abs().sum()) == 0.0
    found = targets.predictions(torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]]))
    assert found.tolist() == [[0.0, 1.0, 1.0]]
    judged = targets.scored(np.array([[0.0, NAN, 0.0]]), found)
    assert [part.tolist() for part in judged] == [[[0.0], [0.0]], [[0.0], [1.0]]]
    assert targets.cells(np.array([0.0, NAN, 1.0])) == ["HC"]


def test_balanced_zeros_and_ones_weigh_alike_together():
    labels = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, NAN], [0.0, 0.0]])
    targets = Targets.fit(("a", "b"), "multilabel", labels).balanced(labels)
    assert targets.positive_weights == (3.0, 1.0)
    loss = targets.loss(torch.zeros(4, 2), torch.tensor(labels))
    assert float(loss) == pytest.approx((3 + 3 + 3) * math.log(2) / 7)


def test_balanced_classes_weigh_alike_together_and_one_that_never_occurs_weighs_one():
    labels = np.array([[0.0], [0.0], [0.0], [2.0], [NAN]])
    targets = Targets.fit(("y",), "multiclass", labels, ("a", "b", "c")).balanced(labels)
    assert targets.class_weights == (pytest.approx(2 / 3), 1.0, pytest.approx(2.0))
    outputs = torch.tensor([[1.0, 0.0, 0.0]] * 5)
    common, rare = math.log(math.e + 2) - 1, math.log(math.e + 2)
    loss = targets.loss(outputs, torch.tensor(labels))
    assert float(loss) == pytest.approx((3 * common * 2 / 3 + rare * 2) / 4)


def test_values_are_not_balanced():
    with pytest.raises(ConfigError, match="class_weights requires class labels, not labels of kind regression"):
        Targets.fit(("y",), "regression", np.ones((2, 1))).balanced(np.ones((2, 1)))


@pytest.mark.parametrize("kind", ["binary", "multilabel", "multiclass", "per-position"])
def test_weights_come_back_from_json(kind):
    labels = np.array([[1.0], [0.0], [0.0]])
    targets = Targets.fit(("y",), kind, labels, ("a", "b")).balanced(labels)
    again = Targets.from_json(json.loads(json.dumps(targets.to_json())))
    assert again == targets != Targets.fit(("y",), kind, labels, ("a", "b"))


@pytest.mark.parametrize("kind", ["regression", "binary", "multilabel", "multiclass", "per-position"])
def test_every_kind_comes_back_from_json(kind):
    targets = Targets.fit(("y",), kind, np.array([[1.0], [0.0]]), ("a", "b"))
    assert Targets.from_json(json.loads(json.dumps(targets.to_json()))) == targets


def test_what_earlier_versions_wrote_is_still_read():
    facts = {"names": ["y"], "kind": "binary", "mean": [0.5], "spread": [0.5]}
    assert Targets.from_json(facts).predictions(torch.zeros(1, 1)).tolist() == [[0.5]]
    values = Targets.from_json(facts | {"kind": "regression", "mean": [3.0], "spread": [2.0]})
    assert values.predictions(torch.ones(1, 1)).tolist() == [[5.0]]
    with pytest.raises(CheckpointError, match="upgrade sma-core"):
        Targets.from_json(facts | {"kind": "ranking"})


def test_class_names_are_guessed_to_be_classes():
    assert guess_kind(np.array([[0.0], [1.0]]), ("a", "b")) == "multiclass"


def test_kinds_are_guessed_from_values():
    assert guess_kind(np.array([[0.0], [1.0], [NAN]])) == "binary"
    assert guess_kind(np.array([[0.0, 1.0], [1.0, NAN]])) == "multilabel"
    assert guess_kind(np.array([[0.0], [2.0]])) == "regression"


def test_a_label_that_is_no_class_is_named_with_its_row():
    with pytest.raises(DataError, match=r"file.csv, row 12: the target 'y' is 2, but binary labels are 0 or 1"):
        check_labels(np.array([[0.0], [2.0]]), ("y",), "binary", "file.csv", np.array([11, 12]))


def test_precision_and_device_are_refused_where_they_cannot_be_had():
    assert choose_precision("fp32", torch.device("cpu")) == "fp32"
    with pytest.raises(ConfigError, match="fp16 requires a GPU"):
        choose_precision("fp16", torch.device("cpu"))
    with pytest.raises(ConfigError, match="use auto, cpu, cuda"):
        choose_device("warp")


@pytest.mark.parametrize(("native", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_what_the_processor_multiplies_and_what_it_imitates_is_said(native, chosen, monkeypatch, caplog):
    monkeypatch.setattr(arithmetic, "_cpu_multiplies_bf16", lambda: native)
    assert choose_precision("auto", torch.device("cpu")) == chosen
    place = Placement.choose(TrainingConfig(steps=1, device="cpu", precision="bf16"), Ranks())
    assert place.precision == "bf16"  # a wish is a wish
    assert ("emulates bf16" in caplog.text) is not native


RUN = Path("runs/x")
EVENTS = (
    RowsRead(2000, 1990, 10),
    RunStarted(RUN, 0, 100, 1234, "cpu", "fp32"),
    Evaluated(RUN, 0, 0.1, {"held_out_loss": 5.5}),
    StepLogged(RUN, 50, 100, 1.5, 2.25, 1e-3, 512.0, 30.0),
    RunFinished(RUN, 100, False),
)


def shown(terminal: bool, events=EVENTS) -> str:
    file = io.StringIO()
    display = ProgressDisplay(Console(file=file, force_terminal=terminal, width=160), seconds=0.0)
    for event in events:
        display.sma_on_event(event)
    return file.getvalue()


def test_progress_off_a_terminal_is_plain_lines_with_all_figures():
    text = shown(terminal=False)
    assert "\x1b" not in text
    assert "preparing: 2,000 rows read, 1,990 kept, 10 set aside" in text
    assert "step 50/100  epoch 1.50  loss 2.2500  512 samples/s  0.5 min left" in text
    assert "held_out_loss 5.5" in text


def test_the_time_left_of_a_run_that_goes_on_is_at_the_pace_since_it_does():
    steps = [StepLogged(RUN, 40 + at, 100, 1.0, 2.0, 1e-3, 512.0, 90_000.0 + 6.0 * at) for at in (10, 20)]
    text = shown(False, (RunStarted(RUN, 40, 100, 1234, "cpu", "fp32"), *steps))
    first, second = [line for line in text.splitlines() if line.startswith("step")]
    assert "min left" not in first
    assert "  4.0 min left" in second


def test_progress_on_a_terminal_shows_the_same_figures_live():
    text = shown(terminal=True)
    assert "50/100" in text
    assert "loss 2.2500" in text
    assert "held_out_loss 5.5" in text


def test_what_spreads_a_model_over_ranks_is_not_imported_by_one_rank():
    asked = "import sys, sma_core.verbs.embed; sys.exit('torch.distributed.fsdp' in sys.modules)"
    assert python("-c", asked).returncode == 0


def test_a_training_on_batches_made_in_memory_needs_no_arrow():
    asked = "import sys, sma_core.training.loop, sma_core.training.pretraining; sys.exit('pyarrow' in sys.modules)"
    assert python("-c", asked).returncode == 0


@pytest.mark.parametrize("checkpointed", [False, True])
def test_a_training_does_not_import_torchs_compiler(toy, tmp_path, checkpointed):
    settings = {"training.steps": 2, "training.evaluate_every": 2}
    settings["training.activation_checkpointing"] = checkpointed
    asked = (
        f"import sys, sma_core; sma_core.train({toy!r}, settings={settings}, out={str(tmp_path / 'run')!r});"
        " sys.exit('torch._dynamo' in sys.modules)"
    )
    assert python("-c", asked).returncode == 0
