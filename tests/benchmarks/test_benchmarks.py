"""What benchmarks count and compare is right, and a command leaves figures that can be compared later."""

import json

import pytest
import torch
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.machine import Machine
from benchmarks.operations import operations
from benchmarks.products import rate
from benchmarks.reports import Found, Report, keep, previous, then_and_now
from benchmarks.timing import Spread, interleaved
from benchmarks.training import Training, parameters
from benchmarks.workloads import WORKLOADS, small
from sma_core.nn.inputs import ContinuousInputs

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
    ours, theirs = Training(work, CPU), PeerTraining(work, CPU)
    check_sizes(ours, theirs)
    assert parameters(ours) > 3e6 if name == "chem-padded" else parameters(ours) > 5e5
    with pytest.raises(ConfigError, match="not within 2 %"):
        check_sizes(Training(small(work), CPU), theirs)


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
    assert "Nothing was kept" in then_and_now(now, previous("prepare", machine, tmp_path))
