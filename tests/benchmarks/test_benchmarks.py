"""What benchmarks count and compare is right, and a command leaves figures that can be compared later."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from benchmarks.cli import app, arithmetics
from benchmarks.curves import lines
from benchmarks.elsewhere import Elsewhere
from benchmarks.growth import AXES, Size, slope
from benchmarks.inference import ROWS, Rows, in_file_order
from benchmarks.inference import measure as inference
from benchmarks.learn import goal_table, learning_table, parse_arm
from benchmarks.machine import Machine
from benchmarks.operations import operations
from benchmarks.prepare import measure as prepare
from benchmarks.products import rate
from benchmarks.profile import kind_of
from benchmarks.reports import Found, Report, keep, previous, then_and_now
from benchmarks.startup import first_step
from benchmarks.step import Cell
from benchmarks.timing import Spread, interleaved
from benchmarks.training import Training, parameters
from benchmarks.workloads import WORKLOADS, small
from sma_core.devices import device as arithmetic
from sma_core.models.loaded_run import of_similar_length
from sma_core.nn.inputs import ContinuousInputs
from tests.support.processes import python

CPU = torch.device("cpu")


def test_a_product_of_matrices_has_twice_its_multiplications():
    left, right = torch.randn(3, 5), torch.randn(5, 7)
    assert operations(lambda: left @ right) == 2 * 3 * 5 * 7


def test_the_machines_rate_is_that_of_its_best_size():
    times = {"product bf16 10": [1.0, 3.0, 2.0], "product bf16 20": [4.0], "product fp32 99": [1e-9]}
    assert rate(times, "bf16") == 2 * 20**3 / 4.0


def test_rounds_run_all_in_order_and_leave_the_first_ones_out():
    order = []
    works = {name: lambda name=name: order.append(name) for name in "ab"}
    found = interleaved(works, CPU, repeats=2, warm_up=1)
    assert order == list("ababab")
    assert [len(times) for times in found.values()] == [2, 2]


def test_a_spread_is_median_and_quartiles():
    assert Spread.of([4.0, 1.0, 2.0, 3.0, 5.0]) == Spread(3.0, 2.0, 4.0)


@pytest.mark.parametrize("name", WORKLOADS)
def test_batches_have_the_sizes_of_their_name(name):
    work = WORKLOADS[name]
    batch, again = (work.batches(1, 3)[0] for _ in range(2))
    assert torch.equal(batch.inputs, again.inputs)
    real = batch.padding_mask.sum(dim=1)
    assert batch.inputs.shape[0] == work.rows
    if isinstance(work.inputs, ContinuousInputs):
        assert batch.inputs.shape[1:] == (28, 1)
    elif name in ("chem-packed", "protein-1024"):
        assert bool((real == work.longest).all())
    elif name == "chem-padded":
        assert batch.inputs.shape[1] == 512
        assert 50 < float(real.float().mean()) < 70
    else:
        assert int(real.max()) <= batch.inputs.shape[1] < int(real.max()) + 16


def test_a_measured_step_is_a_step_of_the_trainer():
    training = Training(small(WORKLOADS["chem-bucketed"]), CPU)
    before = [parameter.detach().clone() for parameter in training.module.parameters()]
    training.step()
    training.step()  # the first has the learning rate of a warm-up
    after = list(training.module.parameters())
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("name", ["chem-padded", "physics"])
def test_the_peer_is_as_large_as_ours(name):
    pytest.importorskip("transformers", reason="needs the extra benchmarks")
    from benchmarks.peer import PeerTraining, check_sizes
    from sma_core.errors import ConfigError

    work = WORKLOADS[name]
    ours, theirs = (parameters(kind(work, CPU)) for kind in (Training, PeerTraining))
    check_sizes(ours, theirs)
    assert ours > 3e6 if name == "chem-padded" else ours > 5e5
    with pytest.raises(ConfigError, match="not within 2 %"):
        check_sizes(parameters(Training(small(work), CPU)), theirs)


def test_a_command_prints_a_table_and_writes_figures(tmp_path):
    file = tmp_path / "found.json"
    options = ["--workload", "physics", "--precision", "fp32", "--repeats", "2", "--tiny", "--json", str(file)]
    result = CliRunner().invoke(app, ["step", *options])
    assert result.exit_code == 0, result.output
    assert "| physics | sma | fp32 |" in result.output
    (report,) = json.loads(file.read_text())["reports"]
    (record,) = report["records"]
    assert record["value"] == pytest.approx(record["rows"] / record["seconds"]["median"])
    assert record["share_of_products"] == pytest.approx(
        record["operations"] / record["seconds"]["median"] / record["products_per_second"]
    )
    assert record["peak_mb"] > record["before_mb"]


@pytest.mark.full
def test_activation_checkpointing_is_measured_beside():
    options = ["--workload", "physics", "--precision", "fp32", "--repeats", "1", "--tiny"]
    result = CliRunner().invoke(app, ["step", *options, "--activation-checkpointing"])
    assert result.exit_code == 0, result.output
    assert "| physics | sma | fp32 |" in result.output
    assert "| physics | sma, activation checkpointing | fp32 |" in result.output


@pytest.mark.full
def test_a_process_that_cannot_build_is_said():
    with pytest.raises(RuntimeError, match="a benchmark process exited with status 1"):
        Elsewhere(Cell("chemistry", "sma", "fp32", False, "cpu").build, CPU)


def test_a_workload_that_is_not_there_is_named():
    result = CliRunner().invoke(app, ["step", "--workload", "chemistry"])
    assert result.exit_code == 2
    assert "'chemistry'" in result.output


def test_kept_figures_are_compared_with_the_newest_of_the_same_machine(tmp_path):
    machine = Machine.here(CPU)
    for date, value in (("2024-01-01", 1.0), ("2024-02-01", 2.0)):
        found = Found([{"name": "x", "value": value, "unit": "samples/s"}], "", 1)
        keep(Report(**(vars(Report.of("step", {}, found, machine)) | {"date": date})), tmp_path)
    now = Report.of("step", {}, Found([{"name": "x", "value": 3.0, "unit": "samples/s"}], "", 1), machine)
    assert "| x | samples/s | 2" in then_and_now(now, previous("step", machine, tmp_path))
    assert "1.50 |" in then_and_now(now, previous("step", machine, tmp_path))
    assert "No stored results" in then_and_now(now, previous("prepare", machine, tmp_path))


def test_an_exponent_is_the_slope_of_the_largest_sizes():
    sizes = [1, 2, 4, 8, 16]
    assert slope(sizes, [100.0, 100.0, 3 * 4.0**2, 3 * 8.0**2, 3 * 16.0**2]) == pytest.approx(2.0)


@pytest.mark.parametrize("axis", AXES)
def test_only_one_thing_grows(axis):
    small_one, large = (Size(axis, value, False, "fp32", "cpu").work() for value in AXES[axis][:2])
    ratio = AXES[axis][1] / AXES[axis][0]
    sizes = {
        "inputs": (small_one.longest, large.longest),
        "latents": (small_one.model.latents, large.model.latents),
        "rows": (small_one.rows, large.rows),
        "layers": (small_one.model.layers, large.model.layers),
    }
    assert {name: after / before for name, (before, after) in sizes.items()} == {
        name: ratio if name == axis else 1.0 for name in sizes
    }


@pytest.mark.full
def test_growth_draws_its_lines_and_gives_exponents(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra report")
    plot = tmp_path / "growth.svg"
    result = CliRunner().invoke(app, ["growth", "--axis", "rows", "--tiny", "--repeats", "1", "--plot", str(plot)])
    assert result.exit_code == 0, result.output
    assert "| rows | 2 | on |" in result.output
    assert "| rows | off | " in result.output
    assert plot.read_text().count("exponent") >= 4


def test_every_row_is_read_once_whatever_the_order():
    for name in ROWS:
        rows = Rows.of(name, 6)
        for order in (of_similar_length, in_file_order):
            groups = list(order(rows.lengths, 512))
            assert sorted(np.concatenate(groups).tolist()) == list(range(6))


@pytest.mark.parametrize("native", [True, False])
def test_every_way_of_inference_gives_the_same_vectors_in_the_arithmetics_of_the_machine(native, monkeypatch):
    pytest.importorskip("transformers", reason="needs the extra benchmarks")
    monkeypatch.setattr(arithmetic, "_cpu_multiplies_bf16", lambda: native)
    found = inference(["chem-bucketed"], "cpu", peer=True, repeats=1, tiny=True).records
    moved = {record["way"]: record["moved"] for record in found if record["moved"] is not None}
    ways = {"fp32", "fp32, in the order of the file", "int8 weights"}
    assert moved.keys() == (ways | {"bf16"} if native else ways)
    assert max(moved.values()) < 1e-3
    assert all(record["value"] > 0 for record in found)


def test_what_is_measured_is_what_the_machine_multiplies_unless_it_is_named(monkeypatch):
    monkeypatch.setattr(arithmetic, "_cpu_multiplies_bf16", lambda: False)
    assert arithmetics("", CPU) == ["fp32"]
    assert arithmetics("bf16", CPU) == ["bf16"]
    monkeypatch.setattr(arithmetic, "_cpu_multiplies_bf16", lambda: True)
    assert arithmetics("", CPU) == ["fp32", "bf16"]


def test_the_loader_is_set_beside_the_step(tmp_path):
    result = CliRunner().invoke(app, ["loader", "--workload", "physics", "--tiny", "--repeats", "1"])
    assert result.exit_code == 0, result.output
    assert "| physics |" in result.output


@pytest.mark.full
def test_a_file_is_prepared_with_and_without_its_check(tmp_path):
    file = tmp_path / "rows.txt"
    file.write_text("".join(f"{'x' * (at % 7 + 1)}\n" for at in range(50)))
    check = "tests.benchmarks.test_benchmarks:even"
    (plain, *checked) = prepare(file, check, repeats=1).records
    assert (plain["rows"], plain["rejected"]) == (50, 0)
    assert all(each["rejected"] == sum((at % 7 + 1) % 2 for at in range(50)) for each in checked)


@pytest.mark.full
def test_a_preparation_names_its_file_and_fails_with_its_reason(tmp_path):
    file = tmp_path / "rows.txt"
    file.write_text("abc\n")
    result = CliRunner().invoke(app, ["prepare", str(file), "--repeats", "1"])
    assert "`python -m benchmarks prepare rows.txt --repeats 1`" in result.output
    with pytest.raises(RuntimeError, match="no_such_check"):
        prepare(file, "tests.benchmarks.test_benchmarks:no_such_check", repeats=1)


def test_preparing_apart_imports_no_torch():
    asked = "import sys, benchmarks.prepare_once; sys.exit('torch' in sys.modules)"
    assert python("-c", asked).returncode == 0


def even(texts):
    """Refuse texts of odd length."""
    return [None if len(text) % 2 == 0 else "odd" for text in texts]


@pytest.mark.full
def test_the_first_step_of_a_training_is_timed(toy, tmp_path):
    assert first_step(toy, tmp_path / "run") > 0
    assert '"loss"' in (tmp_path / "run" / "metrics.jsonl").read_text()


def test_curves_are_compared_seed_by_seed(tmp_path):
    losses = {("fp32", 0): 1.0, ("fp32", 1): 2.0, ("bf16", 0): 1.1, ("bf16", 1): 1.9}
    records = [{"precision": p, "seed": seed, "step": 5, "value": v} for (p, seed), v in losses.items()]
    ((step, fp32, bf16, apart),) = lines(records)
    assert (step, fp32, bf16) == ("5", "1.5000 ± 0.7071", "1.5000 ± 0.5657")
    assert apart == "+0.0000 (-0.1000 to +0.1000)"


def test_arms_of_learning_are_names_and_settings():
    assert parse_arm("guided: masking.strategy=guided training.seed=2") == (
        "guided",
        {"masking.strategy": "guided", "training.seed": "2"},
    )
    for wrong in ("guided", "guided:", ": a=b", "guided: masking.strategy"):
        with pytest.raises(ValueError, match="is not of the form"):
            parse_arm(wrong)


def test_the_time_to_a_loss_is_that_of_the_first_evaluation_below_it():
    curve = {0: (0.0, 5.0), 10: (2.0, 1.5), 20: (4.0, 1.0), 30: (6.0, 0.9)}
    records = [
        {"arm": arm, "seed": seed, "step": step, "cpu_seconds": seconds + seed, "value": loss + shift}
        for arm, shift in (("a", 0.0), ("b", 5.0))
        for seed in (0, 1)
        for step, (seconds, loss) in curve.items()
    ]
    assert "| a | 4.5 | 2/2 |" in goal_table(records, 1.0)
    assert "| b | not reached | 0/2 |" in goal_table(records, 1.0)
    assert "| 20 | 1.000 ± 0.000 | 4 | 6.000 ± 0.000 | 4 |" in learning_table(records)


def test_learning_is_measured_in_cpu_time(toy, tmp_path):
    report = tmp_path / "learn.json"
    arguments = ["learn", "--domain", toy, "--steps", "4", "--every", "2", "--goal", "0.001", "--json", report]
    result = CliRunner().invoke(app, [*map(str, arguments), "--arm", "random: masking.strategy=random"])
    assert result.exit_code == 0, result.output
    assert "| recipe | not reached | 0/1 |" in result.output
    records = json.loads(report.read_text())["reports"][0]["records"]
    assert [(record["arm"], record["step"]) for record in records] == [
        (arm, step) for arm in ("recipe", "random") for step in (0, 2, 4)
    ]
    times = [record["cpu_seconds"] for record in records[:3]]
    assert times[0] == 0.0
    assert times == sorted(set(times))


def test_a_profile_shares_a_step_out_among_kinds_of_operations():
    names = ("aten::mm", "aten::bmm", "aten::native_layer_norm_backward", "aten::add")
    kinds = ["products of weights", "products of attention", "norms", "everything else"]
    assert list(map(kind_of, names)) == kinds
    result = CliRunner().invoke(app, ["profile", "--workload", "physics", "--precision", "fp32", "--tiny"])
    assert result.exit_code == 0, result.output
    assert "| products of weights |" in result.output
    assert "(0 %)" not in result.output.partition("| products of weights |")[2].partition("\n")[0]
