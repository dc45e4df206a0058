"""Every recorded model, stage by stage, against what the authors' implementation gave."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sma_authors.recorded_model import check_case, read_case
from sma_authors.weights import read_checkpoint, split_back, take_over, with_copies
from sma_core.errors import CheckpointError
from sma_core.nn.model import SMA

from .cases import CASES, FIXTURES, failures


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_everything_that_was_recorded_agrees(name, dtype):
    verdicts = check_case(read_case(FIXTURES / name), dtype)
    assert [verdict for verdict in verdicts if verdict.verdict != "pass"] == []
    recorded = set(load_file(FIXTURES / name / "outputs.safetensors"))
    compared = {verdict.tensor for verdict in verdicts}
    assert recorded - compared <= {"guided.chosen_queries"}


@pytest.mark.parametrize("name", CASES)
def test_every_official_tensor_is_read_and_the_parameters_are_as_many(name):
    case = read_case(FIXTURES / name)
    copies = {copy for group in case.meta["tied"] for copy in group}
    assert set(case.checkpoint.weights) <= set(load_file(FIXTURES / name / "model.safetensors"))
    assert len(case.checkpoint.weights) >= len(load_file(FIXTURES / name / "model.safetensors")) - len(copies)
    total = sum(tensor.numel() for tensor in case.checkpoint.weights.values())
    assert total == case.meta["num_parameters"]


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("classification")])
def test_weights_come_back_out_under_all_their_names(name):
    checkpoint = read_checkpoint(FIXTURES / name)
    model = SMA(checkpoint.settings.model, checkpoint.settings.inputs)
    assert take_over(model, checkpoint) == []
    written = with_copies(split_back(model, model.state_dict()), checkpoint.settings)
    original = load_file(FIXTURES / name / "model.safetensors")
    assert set(written) == set(original)
    assert all(torch.equal(written[key], original[key]) for key in original)


@pytest.fixture
def copied(tmp_path) -> Path:
    return Path(shutil.copytree(FIXTURES / "continuous-self", tmp_path / "case"))


def change(path: Path, name: str, edit) -> None:
    tensors = load_file(path)
    tensors[name] = edit(tensors[name])
    save_file(tensors, path)


def test_a_changed_weight_is_found(copied):
    for name in ("perceiver.", "teacher.student_model."):
        tensor = f"{name}encoder.self_attends.1.mlp.dense2.weight"
        change(copied / "model.safetensors", tensor, lambda weight: weight * 1.01)
    failed = failures(check_case(read_case(copied)))
    assert {"latents.layer1", "loss", "train.losses"} <= failed
    assert not {"embedded", "cross.context", "latents.layer0"} & failed


@pytest.mark.parametrize(
    ("tensor", "edit"),
    [
        ("loss", lambda value: value + 1e-3),
        ("guided.mask", lambda mask: mask.roll(1, dims=1)),
        ("decoder.probs", lambda value: value * 1.001),
        ("grad.perceiver.encoder.self_attends.0.mlp.dense1.weight", lambda value: value + 1e-4),
        ("eval.latents.final", lambda value: value.where(value != value.max(), torch.nan)),
        ("train.losses", lambda value: value.flip(0)),
        ("latents.final", lambda value: value[:, :, :-1].contiguous()),
    ],
)
def test_each_kind_of_difference_is_found(copied, tensor, edit):
    recorded = load_file(copied / "outputs.safetensors")
    tensor = tensor if tensor in recorded else next(name for name in recorded if name.startswith("grad."))
    change(copied / "outputs.safetensors", tensor, edit)
    found = failures(check_case(read_case(copied)))
    assert tensor in found
    assert found <= {tensor, "guided.loss"}  # which is taken under the recorded mask


def test_copies_that_differ_are_refused_by_name(copied):
    change(
        copied / "model.safetensors", "teacher.student_model.input_preprocessor.layernorm.bias", lambda b: b + 1
    )
    with pytest.raises(CheckpointError, match="must be equal but differ"):
        read_case(copied)


def test_a_missing_tensor_is_named(copied):
    tensors = load_file(copied / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if "final_project.weight" not in name}
    save_file(kept, copied / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"lack teacher\.reconstruction_decoder\.final_project\.weight"):
        check_case(read_case(copied))
