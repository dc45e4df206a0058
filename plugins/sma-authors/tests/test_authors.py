"""Models of the authors' format become runs, and runs become models of that format."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sma_authors.export_authors import export_authors
from sma_authors.import_authors import import_authors
from sma_authors.recorded_model import read_case
from sma_authors.weights import build_predictor, read_checkpoint, take_over
from sma_core.errors import CheckpointError, UserError
from sma_core.models.load import load
from sma_core.verbs.embed import embed
from sma_core.verbs.finetune import finetune
from sma_core.verbs.predict import predict
from sma_core.verbs.train import train
from tests.support.runs import table

BYTES = Path(__file__).parent / "parity" / "fixtures" / "discrete-cross-shared-embedding"
WORDS = ["kato", "misu", "landorvex"]


@pytest.fixture
def words(tmp_path) -> str:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(WORDS) + "\n")
    return str(path)


@pytest.fixture
def imported(toy, tmp_path) -> Path:
    return import_authors(str(BYTES), toy, out=tmp_path / "imported").run


def same_tensors(first: Path, second: Path) -> bool:
    one, other = (load_file(folder / "model.safetensors") for folder in (first, second))
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_an_imported_model_is_taken_by_every_verb(imported, toy, words, tmp_path):
    masks = pytest.importorskip("sma_view.masks").masks
    found = masks(imported, words, rows=3, draws=2)
    assert [row.text for row in found.rows] == WORDS
    assert all(len(hidden) == 1 for row in found.rows[:2] for hidden in row.hidden)
    assert embed(imported, words, tmp_path / "vectors.npy").shape == (24,)
    tuned = finetune(toy, model=imported, task="vowels", settings={"training.epochs": 1}, out=tmp_path / "tuned")
    predict(tuned.run, words, out=tmp_path / "predictions.csv")
    assert [row["input"] for row in table(tmp_path / "predictions.csv")] == WORDS


def test_the_encoder_of_an_imported_model_computes_what_theirs_does(imported, toy, tmp_path):
    case = read_case(BYTES)
    module = load(imported, device="cpu").module
    with torch.no_grad():
        latents = module.encode(case.inputs["inputs"], case.real).values
    assert torch.allclose(latents, case.outputs["eval.latents.final"], atol=1e-5)


def test_an_imported_model_can_be_trained_further(imported, toy):
    before = load_file(imported / "checkpoints" / "step-00000000" / "model.safetensors")
    result = train(resume=str(imported), settings={"training.steps": 2})
    assert result.step == 2
    after = load_file(imported / "checkpoints" / "step-00000002" / "model.safetensors")
    assert not torch.equal(before["embed.tokens.weight"], after["embed.tokens.weight"])


def test_what_is_imported_comes_back_out_tensor_for_tensor(imported, tmp_path):
    export_authors(imported, tmp_path / "exported")
    assert same_tensors(tmp_path / "exported", BYTES)
    ours, theirs = read_checkpoint(tmp_path / "exported").settings, read_checkpoint(BYTES).settings
    assert ours == theirs


@pytest.mark.parametrize("encoder", ["cross-attention", "self-attention"])
def test_a_run_goes_out_and_comes_in_again_as_it_was(toy, encoder, tmp_path):
    settings = {
        "training.steps": 2,
        "model.encoder": encoder,
        "model.bias": True,
        "model.blocks": 2,
        "model.decoder.shared_queries": True,
        "model.decoder.mask_token": True,
        "model.decoder.output_layers": [12, "gelu"],
        "model.decoder.widening": 2,
        "masking.anneal": "mix",
        "masking.anneal_start": 0.5,
    }
    run = train(toy, settings=settings, out=tmp_path / "run").run
    export_authors(run, tmp_path / "exported")
    again = import_authors(str(tmp_path / "exported"), toy, out=tmp_path / "again").run
    export_authors(again, tmp_path / "exported again")
    assert same_tensors(tmp_path / "exported", tmp_path / "exported again")
    first, second = (read_checkpoint(tmp_path / name).settings for name in ("exported", "exported again"))
    assert first == second
    weights = [
        load_file(max((path / "checkpoints").glob("step-*")) / "model.safetensors") for path in (run, again)
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize(
    ("task", "head", "kind"),
    [("vowels", "decoder", None), ("vowels", "mean", None), ("flags", "decoder", None)],
)
def test_a_fine_tuned_run_predicts_the_same_after_the_journey(toy, task, head, kind, words, tmp_path):
    settings = {"head": head, "training.epochs": 1}
    run = finetune(toy, task=task, settings=settings, out=tmp_path / "run").run
    export_authors(run, tmp_path / "exported")
    names = json.loads((run / "model.json").read_text())["targets"]["names"]
    again = import_authors(str(tmp_path / "exported"), toy, targets=names, out=tmp_path / "again").run
    tables = []
    for number, folder in enumerate((run, again)):
        predict(folder, words, out=tmp_path / f"{number}.csv")
        tables.append(table(tmp_path / f"{number}.csv"))
    for first, second in zip(*tables, strict=True):
        for name in names:
            assert float(first[name]) == pytest.approx(
                float(second[name]), rel=1e-2
            )  # bf16 where the machine has it


def test_exported_outputs_are_in_the_labels_units(toy, tmp_path):
    run = finetune(toy, task="vowels", settings={"training.epochs": 1}, out=tmp_path / "run").run
    export_authors(run, tmp_path / "exported")
    checkpoint = read_checkpoint(tmp_path / "exported")
    module = build_predictor(checkpoint.settings).eval()
    assert take_over(module, checkpoint) == []
    ids = torch.tensor([[byte + 6 for byte in b"kato"] + [5]])
    with torch.no_grad():
        value = module(ids, torch.ones_like(ids, dtype=torch.bool))
    path = tmp_path / "one.txt"
    path.write_text("kato\n")
    predict(run, str(path), out=tmp_path / "one.csv")
    assert value.item() == pytest.approx(float(table(tmp_path / "one.csv")[0]["vowels"]), rel=2e-2)


def test_a_model_of_numbers_makes_the_journey_too(numbers, tmp_path):
    short = {"training.steps": 2}
    with_missing = train(numbers, settings=short, out=tmp_path / "missing").run
    with pytest.raises(CheckpointError, match=r"with model\.missing_values=mean"):
        export_authors(with_missing, tmp_path / "exported")
    run = train(numbers, settings=short | {"model.missing_values": "mean"}, out=tmp_path / "run").run
    columns = json.loads((run / "model.json").read_text())["scale"]["columns"]
    export_authors(run, tmp_path / "exported")
    checkpoint = read_checkpoint(tmp_path / "exported")
    longest = checkpoint.settings.model.max_length
    if longest != len(columns):
        with pytest.raises(UserError, match=f"expects {longest} features"):
            import_authors(str(tmp_path / "exported"), numbers, columns=columns, out=tmp_path / "again")
        columns = [*columns, *(f"more {n}" for n in range(longest - len(columns)))]
    again = import_authors(str(tmp_path / "exported"), numbers, columns=columns, out=tmp_path / "again").run
    export_authors(again, tmp_path / "exported again")
    assert same_tensors(tmp_path / "exported", tmp_path / "exported again")


def test_a_bin_file_is_read_without_running_anything_in_it(toy, tmp_path):
    folder = Path(shutil.copytree(BYTES, tmp_path / "bin"))
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    run = import_authors(str(folder), toy, out=tmp_path / "run").run
    export_authors(run, tmp_path / "exported")
    assert same_tensors(tmp_path / "exported", BYTES)

    class Harm:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "harm",))

    torch.save({"weight": Harm()}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin cannot be read"):
        import_authors(str(folder), toy, out=tmp_path / "other")
    assert not (tmp_path / "harm").exists()
    assert not (tmp_path / "other").exists()


def edited(folder: Path, **changes) -> str:
    facts = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(facts | changes))
    return str(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"v_channels": 48}, "v_channels is 48, but it must equal latent_channels"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"encoder_type": "other"}, "encoder_type is 'other'"),
        ({"model_type": "bert"}, "model_type is 'bert'"),
        ({"num_latents": 9}, "encoding_latents.* has shape .* requires"),
        ({"num_self_attention_heads": 5}, "is not supported"),
        ({"num_discrete_tokens": 60}, "vocabulary of 60 tokens, but the tokenizer of the domain 'toy' has 262"),
        ({"input_type": "continuous", "teacher_args": {}}, "."),
    ],
)
def test_what_cannot_be_taken_over_gets_a_sentence_and_leaves_nothing(toy, tmp_path, changes, sentence):
    folder = Path(shutil.copytree(BYTES, tmp_path / "changed"))
    with pytest.raises((CheckpointError, UserError), match=sentence):
        import_authors(edited(folder, **changes), toy, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_without_weights_and_a_name_that_is_nowhere_get_a_sentence(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    shutil.copy(BYTES / "config.json", tmp_path)
    with pytest.raises(CheckpointError, match="has neither model"):
        import_authors(str(tmp_path), toy)
    with pytest.raises(CheckpointError, match="there is no folder nobody/nothing"):
        import_authors("nobody/nothing", toy)


def test_a_name_on_the_hub_is_fetched_without_other_files(toy, tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    asked = {}

    def snapshot(name, **options):
        asked.update(name=name, **options)
        return str(BYTES)

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    run = import_authors("somebody/something", toy, out=tmp_path / "run").run
    assert asked["name"] == "somebody/something"
    assert set(asked["allow_patterns"]) == {"config.json", "model.safetensors", "pytorch_model.bin"}
    assert json.loads((run / "model.json").read_text())["imported"] == "somebody/something"


def test_a_head_that_does_not_say_what_it_predicts_needs_a_kind(toy, tmp_path):
    run = finetune(toy, task="vowels", settings={"training.epochs": 1}, out=tmp_path / "run").run
    export_authors(run, tmp_path / "exported")
    edited(tmp_path / "exported", problem_type=None)
    with pytest.raises(CheckpointError, match="pass `kind` regression, binary"):
        import_authors(str(tmp_path / "exported"), toy, out=tmp_path / "again")
    again = import_authors(str(tmp_path / "exported"), toy, kind="binary", out=tmp_path / "again").run
    assert json.loads((again / "model.json").read_text())["targets"]["kind"] == "binary"


def test_heads_their_code_does_not_have_are_refused(toy, tmp_path):
    run = finetune(
        toy, task="flags", settings={"head": "multi-query", "training.epochs": 1}, out=tmp_path / "r"
    ).run
    with pytest.raises(CheckpointError, match="has no head 'multi-query'"):
        export_authors(run, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def test_a_masking_their_code_lacks_is_said(toy, tmp_path, caplog):
    settings = {"training.steps": 1, "masking.strategy": "random"}
    run = train(toy, settings=settings, out=tmp_path / "run").run
    export_authors(run, tmp_path / "exported")
    assert "does not support this run's masking" in caplog.text
    with pytest.raises(UserError, match="already exists"):
        export_authors(run, tmp_path / "exported")


def test_vectors_keep_their_places_and_do_not_depend_on_the_batch(imported, tmp_path):
    path = tmp_path / "some.txt"
    path.write_text("kato\n\n12\nmisu\nlandorvexka\n")
    embed(imported, str(path), tmp_path / "alone.npy", batch_tokens=1)
    result = embed(imported, str(path), tmp_path / "together.npy")
    assert (result.rows, result.unusable) == (5, 2)
    alone, together = (np.load(tmp_path / f"{name}.npy") for name in ("alone", "together"))
    assert np.isnan(together[[1, 2]]).all()
    assert np.allclose(alone[[0, 3, 4]], together[[0, 3, 4]], atol=1e-5)
    assert {path.name for path in tmp_path.glob("*.npy*")} == {"alone.npy", "together.npy"}


def test_vectors_in_parquet_stand_beside_their_rows(imported, words, tmp_path):
    import pyarrow.parquet as pq

    embed(imported, words, tmp_path / "vectors.parquet", pooling="latents")
    embed(imported, words, tmp_path / "vectors.npy", pooling="latents")
    table = pq.read_table(tmp_path / "vectors.parquet").to_pydict()
    assert table["input"] == WORDS
    assert np.array_equal(np.array(table["vectors"], dtype=np.float32), np.load(tmp_path / "vectors.npy"))


def test_masks_are_a_function_of_row_model_and_seed(imported, words):
    masks = pytest.importorskip("sma_view.masks").masks
    first, again, other = (masks(imported, words, seed=seed, draws=4) for seed in (0, 0, 100))
    assert first == again
    assert [row.hidden for row in first.rows] != [row.hidden for row in other.rows]
    for row in first.rows:
        for hidden, shown in zip(row.hidden, row.shown, strict=True):
            assert len(hidden) >= 1
            in_text = sum(at < len(row.text) for at in hidden)  # the end marker is not shown
            assert shown.count("·") == in_text
            assert len(shown.replace("·", "")) == len(row.text) - in_text
