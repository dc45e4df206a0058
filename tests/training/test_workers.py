"""Data workers: the same bits with any number of them, and a clear end when one dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
import torch

import sma_core
from sma_core.data.batching.batches import Batch
from sma_core.errors import DataError, StoppedOnRequest
from sma_core.plugins.events import StepLogged
from sma_core.training import workers
from sma_core.training.stream import BatchStream
from sma_core.training.workers import BatchWorkers, worker_errors
from tests.support.runs import latest_weights, same, stop_at

CPU = torch.device("cpu")


class Counted:
    """Batches that hold their own numbers: three in an epoch; ``wrong`` tells what happens in a worker."""

    def __init__(self, wrong: str = "") -> None:
        self.wrong = wrong

    def batches_in(self, epoch: int) -> int:
        return 3

    def batch(self, epoch: int, index: int) -> Batch:
        if (epoch, index) == (1, 0) and self.wrong == "refused":
            raise DataError("the row is too long")
        if (epoch, index) == (1, 0) and self.wrong == "gone":
            raise FileNotFoundError("no such store")
        if (epoch, index) == (1, 0) and self.wrong == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        numbers = torch.tensor([[epoch, index]])
        return Batch(numbers, numbers > -1, None, np.array([index]))


def taken(stream: BatchStream, count: int) -> list[list[int]]:
    return [stream.next().inputs[0].tolist() for _ in range(count)]


@pytest.mark.full
def test_batches_come_in_order_from_wherever_the_stream_stands():
    source = Counted()
    stream = BatchStream(source, 0, 1, ahead=BatchWorkers(source, 2, CPU))
    assert taken(stream, 6) == [[0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [2, 0]]
    assert (stream.epoch, stream.index) == (2, 1)
    stream.epoch, stream.index = 0, 2
    assert taken(stream, 2) == [[0, 2], [1, 0]]
    stream.close()


def test_an_error_in_a_worker_is_the_sentence_it_was():
    source = Counted("refused")
    stream = BatchStream(source, 0, 2, ahead=BatchWorkers(source, 1, CPU))
    with worker_errors(stream), pytest.raises(DataError, match=r"^the row is too long$"):
        taken(stream, 2)


def test_a_worker_that_dies_is_one_sentence():
    source = Counted("killed")
    stream = BatchStream(source, 0, 2, ahead=BatchWorkers(source, 1, CPU))
    with (
        pytest.raises(DataError, match=r"data worker died.*last checkpoints are kept.*`resume`") as caught,
        worker_errors(stream),
    ):
        taken(stream, 2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("broken", [ConnectionResetError(104, "reset"), EOFError()])
def test_a_broken_way_to_a_worker_is_its_death(broken, monkeypatch):
    def coming() -> Iterator[Batch]:
        raise broken
        yield

    monkeypatch.setattr(workers, "SECONDS_TO_DIE", 0.01)
    monkeypatch.setattr(BatchWorkers, "_from", lambda self, start: coming())
    source = Counted()
    stream = BatchStream(source, ahead=BatchWorkers(source, 1, CPU))
    with pytest.raises(DataError, match="data worker died"), worker_errors(stream):
        taken(stream, 1)


def test_an_error_of_the_system_in_a_worker_that_lives_is_told_at_once(monkeypatch):
    monkeypatch.setattr(workers, "SECONDS_TO_DIE", 1e9)
    source = Counted("gone")
    stream = BatchStream(source, 0, 2, ahead=BatchWorkers(source, 1, CPU))
    with pytest.raises(FileNotFoundError, match="no such store"), worker_errors(stream):
        taken(stream, 2)


def test_a_loader_leaves_the_random_state_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    source = Counted()
    stream = BatchStream(source, ahead=BatchWorkers(source, 1, CPU))
    taken(stream, 1)
    assert torch.rand(1) == expected
    stream.close()


@pytest.mark.parametrize(
    ("domain", "workers"),
    [
        ("toy", 2),
        pytest.param("toy", 1, marks=pytest.mark.full),
        pytest.param("toy-numbers", 1, marks=pytest.mark.full),
    ],
)
def test_a_run_ends_with_the_same_bits_with_any_number_of_workers(toy, tmp_path, workers, domain):
    settings = {"training.accumulate": 2, "model.dropout": 0.1}
    whole = sma_core.train(domain, settings=settings, out=tmp_path / "whole").run
    with pytest.raises(StoppedOnRequest):
        sma_core.train(
            domain,
            settings=settings | {"training.workers": workers},
            out=tmp_path / "cut",
            observers=[stop_at(5, signal.SIGINT)],
        )
    cut = sma_core.train(resume=str(tmp_path / "cut"), settings={"training.workers": 3 - workers}).run
    assert same(latest_weights(whole), latest_weights(cut))


def test_a_run_whose_worker_is_killed_keeps_its_checkpoints_and_goes_on(toy, tmp_path):
    others = {child.pid for child in multiprocessing.active_children()}  # of tests before, not collected yet

    def kill_a_worker(event: object) -> None:
        if isinstance(event, StepLogged) and event.step == 6:
            (own,) = (child for child in multiprocessing.active_children() if child.pid not in others)
            own.kill()

    whole = sma_core.train(toy, out=tmp_path / "whole").run
    settings = {"training.workers": 1}
    with pytest.raises(DataError, match="a data worker died") as caught:
        sma_core.train(toy, settings=settings, out=tmp_path / "cut", observers=[kill_a_worker])
    assert caught.value.exit_code == 2
    latest = (tmp_path / "cut" / "checkpoints" / "latest").read_text().strip()
    assert latest in ("step-00000004", "step-00000008")  # batches that were ready are still taken
    cut = sma_core.train(resume=str(tmp_path / "cut")).run
    assert same(latest_weights(whole), latest_weights(cut))


@pytest.mark.full
def test_fine_tuning_has_the_same_bits_with_workers(toy, tmp_path):
    runs = [
        sma_core.finetune(
            toy,
            task="vowels",
            settings={"training.epochs": 1, "training.workers": workers},
            out=tmp_path / str(workers),
        ).run
        for workers in (0, 2)
    ]
    first, second = (latest_weights(run) for run in runs)
    assert same(first, second)
