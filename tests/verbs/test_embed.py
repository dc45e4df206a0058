"""`sma_core.embed` and `sma_core.load`: vectors of rows, latents and positions, in files and in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import sma_core
from sma_core.errors import CheckpointError, DataError, UserError
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.vectors import Embedder

WORDS = ["katomire", "n7", "ka", "", "vexquisulan", "su" * 40]
USABLE = [0, 2, 4, 5]
READ = [9, 0, 3, 0, 12, 32]  # ids with the separator, at most max_length
SELF = {"model.encoder": "self-attention", "model.latent_width": 16}


@pytest.fixture(params=["cross-attention", "self-attention"])
def pretrained(request, toy, tmp_path) -> Path:
    return pretrain(tmp_path, request.param)


def pretrain(tmp_path: Path, encoder: str = "cross-attention") -> Path:
    settings = {"training.steps": 2, "model.encoder": encoder}
    return sma_core.train("toy", settings=settings, out=tmp_path / "pretrained").run


def words_file(tmp_path: Path) -> Path:
    (tmp_path / "words.csv").write_text("name,word\n" + "".join(f"w{at},{w}\n" for at, w in enumerate(WORDS)))
    return tmp_path / "words.csv"


def test_every_format_holds_the_same_vectors(toy, tmp_path):
    model, file = pretrain(tmp_path), words_file(tmp_path)
    for name in ("out.npy", "out.npz", "out.parquet"):
        given = None if name == "out.npy" else "name"
        result = sma_core.embed(model, file, tmp_path / name, identifier=given)
        assert (result.rows, result.unusable, result.shape) == (6, 2, (16,))
    vectors = np.load(tmp_path / "out.npy")
    assert np.isnan(vectors[[1, 3]]).all()
    assert np.isfinite(vectors[USABLE]).all()
    with np.load(tmp_path / "out.npz") as archive:
        names = ["ids", "reasons", "rows", "truncated_rows", "unusable_rows", "vectors", "windowed_rows"]
        assert sorted(archive.files) == names
        assert np.array_equal(archive["vectors"], vectors, equal_nan=True)
        assert archive["rows"].tolist() == [1, 2, 3, 4, 5, 6]
        assert archive["unusable_rows"].tolist() == [2, 4]
        assert archive["reasons"].tolist() == ["not letters only", "empty"]
        assert archive["ids"].tolist() == [f"w{at}" for at in range(6)]
    table = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert list(table) == ["row", "name", "input", "vector", "reason"]
    assert [vector is None for vector in table["vector"]] == [False, True, False, True, False, False]
    assert np.array_equal(np.array([table["vector"][at] for at in USABLE], dtype=np.float32), vectors[USABLE])


@pytest.mark.parametrize("pooling", ["mean", "latents", "inputs"])
def test_hdf5_holds_what_npz_does(toy, tmp_path, pooling):
    h5py = pytest.importorskip("h5py")
    model, file = pretrain(tmp_path), words_file(tmp_path)
    for name in ("out.npz", "out.h5"):
        sma_core.embed(model, file, tmp_path / name, identifier="name", pooling=pooling)
    with np.load(tmp_path / "out.npz") as archive, h5py.File(tmp_path / "out.h5") as hdf5:
        assert sorted(archive.files) == sorted(hdf5)
        for name in archive.files:
            text = archive[name].dtype.kind == "U"
            held = hdf5[name].asstr()[:].astype(str) if text else hdf5[name][:]
            assert np.array_equal(archive[name], held, equal_nan=not text)


def test_positions_have_vectors_in_ragged_rows(pretrained, tmp_path):
    file = words_file(tmp_path)
    for name in ("out.npz", "out.parquet"):
        sma_core.embed(pretrained, file, tmp_path / name, pooling="inputs")
    with np.load(tmp_path / "out.npz") as archive:
        assert np.diff(archive["offsets"]).tolist() == READ
        rows = np.split(archive["vectors"], archive["offsets"][1:-1])
    table = pq.read_table(tmp_path / "out.parquet").to_pydict()
    listed = table["vectors"]
    assert [vectors is None for vectors in listed] == [not length for length in READ]
    for mine, held, length in zip(rows, listed, READ, strict=True):
        assert len(mine) == length
        assert not length or np.array_equal(mine, np.array(held, dtype=np.float32))


def test_vectors_of_positions_in_memory_are_a_list(pretrained):
    with pytest.raises(UserError, match="differs between rows: use embed_inputs"):
        sma_core.load(pretrained).embed(["katomire", "ka"], pooling="inputs")


def test_vectors_of_positions_are_what_the_network_has_there(pretrained):
    loaded = sma_core.load(pretrained)
    module = loaded.module
    ids = torch.tensor(loaded.reading.feed.tokenizer.encode(["katomire"]).values.astype(np.int64))[None]
    real = torch.ones_like(ids, dtype=torch.bool)
    found = torch.from_numpy(loaded.embed_inputs(["katomire"])[0])
    with torch.no_grad():
        latents = module.encode(ids, real)
        if module.encoder.of_inputs:
            assert torch.allclose(latents.values[0], found, atol=1e-5)
            return
        positions = torch.arange(ids.shape[1])[None]
        scores = module.decoder(latents, positions, module.embed, real)
        assert torch.allclose(module.decoder.output(found), scores[0], atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "latents", "inputs"])
def test_vectors_do_not_depend_on_the_batch(toy, tmp_path, pooling):
    from toy_domain.words import make_words

    model = LoadedRun.load(pretrain(tmp_path))
    chunk = next(model.reading.chunks_of(make_words(40, 3)))
    together, alone = (
        np.concatenate([part.values for _, part in Embedder(model, pooling, None, tokens).chunks(chunk)])
        for tokens in (8192, 1)
    )
    assert np.allclose(together, alone, rtol=1e-5, atol=1e-6)
    assert len(together) >= 40


def test_layers_are_numbered_from_the_first_attention_to_the_last(pretrained):
    loaded = sma_core.load(pretrained)
    assert loaded.layers == 2
    each = [loaded.embed(["katomire"], layer=layer) for layer in range(3)]
    assert np.array_equal(each[2], loaded.embed(["katomire"]))
    assert not np.allclose(each[0], each[1])
    module = loaded.module
    latents = []
    hook = module.encoder.layers[0].register_forward_pre_hook(lambda _, given: latents.append(given[0]))
    loaded.embed(["katomire"])
    hook.remove()
    real = READ[0] if module.encoder.of_inputs else 8  # what stands at padding is left out of the mean
    assert np.allclose(each[0][0], latents[0][0, :real].mean(dim=0).numpy(), atol=1e-6)


def test_many_rows_are_held_in_parts_and_keep_their_places(toy, tmp_path, monkeypatch):
    from toy_domain.words import make_words

    loaded = sma_core.load(pretrain(tmp_path))
    rows = [*make_words(20, 3), "n7", *make_words(20, 4)]
    whole = loaded.embed(rows, pooling="latents")
    monkeypatch.setattr("sma_core.models.vectors.MAX_VALUES_IN_MEMORY", 8 * 16 * 7)
    parts = loaded.embed(rows, pooling="latents")
    assert parts.shape == (41, 8, 16)
    assert np.isnan(parts[20]).all()
    assert np.allclose(whole, parts, rtol=1e-5, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize(
    ("encoder", "out", "wish", "sentence"),
    [
        ("cross-attention", "out.txt", {}, r"out\.txt: vectors are written to \.npy, .*; give one of these"),
        ("cross-attention", "out.npy", {"pooling": "inputs"}, "one vector per row: .* use .npz"),
        ("cross-attention", "out.npy", {"identifier": "name"}, "no place for identifiers"),
        ("cross-attention", "out.npy", {"layer": 3}, "has layers 0 to 2, not 3"),
        ("cross-attention", "out.npz", {"pooling": "inputs", "layer": 1}, "omit `layer`"),
        ("self-attention", "out.npz", {"pooling": "latents"}, "use `pooling=inputs` or mean"),
        ("cross-attention", "out.npz", {"identifier": "nmae"}, "did you mean 'name'"),
    ],
)
def test_wrong_wishes_get_a_sentence_and_leave_nothing(toy, tmp_path, encoder, out, wish, sentence):
    model, file = pretrain(tmp_path, encoder), words_file(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises((UserError, DataError), match=sentence):
        sma_core.embed(model, file, tmp_path / out, **wish)
    assert sorted(tmp_path.iterdir()) == before


def test_a_fine_tuned_cross_attention_run_has_no_vectors_of_positions(toy, tmp_path):
    loaded = sma_core.load(sma_core.finetune(toy, settings={"training.epochs": 1.0}, out=tmp_path / "run").run)
    with pytest.raises(UserError, match="a fine-tuned run with cross-attention has no decoder"):
        loaded.embed_inputs(["ka"])
    assert loaded.embed(["ka"]).shape == (1, 16)


def test_hdf5_without_h5py_is_refused(toy, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(UserError, match=r"pip install 'sma-core\[hdf5\]'"):
        sma_core.embed(pretrain(tmp_path), words_file(tmp_path), tmp_path / "out.h5")
    assert not list(tmp_path.glob("*out.h5*"))


def test_a_loaded_run_says_what_it_is_and_reads_as_the_verbs_do(toy, tmp_path):
    settings = {"training.epochs": 1.0}
    run = sma_core.finetune(toy, task="first", settings=settings, out=tmp_path / "run").run
    loaded = sma_core.load(str(run))
    assert (loaded.path, loaded.domain, loaded.task, loaded.kind) == (run, "toy", "toy:first", "multiclass")
    assert (loaded.targets, loaded.features) == (("first",), ())
    assert loaded.check(WORDS) == [None, "not letters only", None, "empty", None, None]
    found = loaded.predict(WORDS)
    assert found.shape == (6, len(loaded.classes))
    assert np.isnan(found[[1, 3]]).all()
    sma_core.predict(run, words_file(tmp_path), out=tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    held = np.stack([table[f"first:{name}"].to_numpy() for name in loaded.classes], axis=1)
    assert np.allclose(found, held, equal_nan=True, atol=1e-6)
    assert loaded.predict([]).shape == (0, len(loaded.classes))
    assert loaded.embed([]).shape == (0, 16)


def test_a_loaded_run_of_numbers_marks_rows_it_cannot_use(numbers, tmp_path):
    run = sma_core.train(numbers, settings={"training.steps": 2}, out=tmp_path / "run").run
    loaded = sma_core.load(run)
    assert loaded.features == ("height", "width", "depth", "weight", "noise")
    rows = np.ones((4, 5))
    rows[1, 3] = np.nan
    rows[2] = -999
    rows[3, 0] = np.inf
    assert loaded.check(rows) == [None, None, "empty", "not a finite float32 number: height is inf"]
    assert np.isnan(loaded.embed(rows)).all(axis=1).tolist() == [False, False, True, True]
    assert [len(each) for each in loaded.embed_inputs(rows)] == [5, 5, 0, 0]
    with pytest.raises(CheckpointError, match="without a head"):
        loaded.predict(rows)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [(np.ones((2, 4)), r"rows of 5 numbers .*the shape \(2, 4\)"), (["kato"], "give an array of numbers")],
)
def test_rows_of_another_kind_are_refused(numbers, tmp_path, rows, sentence):
    loaded = sma_core.load(sma_core.train(numbers, settings={"training.steps": 1}, out=tmp_path / "run").run)
    with pytest.raises(DataError, match=sentence):
        loaded.check(rows)


@pytest.mark.parametrize("rows", ["kato", [1.0], np.ones((2, 2))])
def test_what_is_no_list_of_texts_is_refused(toy, tmp_path, rows):
    loaded = sma_core.load(pretrain(tmp_path))
    with pytest.raises(DataError, match="give a list of strings"):
        loaded.check(rows)


@pytest.mark.parametrize("pooling", ["mean", "inputs"])
def test_bf16_gives_nearly_the_same_vectors(pretrained, tmp_path, pooling):
    words, found = [WORDS[at] for at in USABLE], []
    for precision in ("fp32", "bf16"):
        run = sma_core.load(pretrained, device="cpu", precision=precision)
        vectors = run.embed(words) if pooling == "mean" else np.concatenate(run.embed_inputs(words))
        found.append(vectors)
    one, other = found
    assert one.dtype == other.dtype == np.float32
    assert np.abs(one - other).max() > 0
    assert np.allclose(one, other, atol=0.05)


def test_precision_is_an_option_and_what_the_device_cannot_do_is_said(toy, tmp_path, run_sma):
    model, file = pretrain(tmp_path), words_file(tmp_path)
    asked = ["embed", str(file), "--model", str(model), "--device", "cpu", "--input", "word"]
    done = run_sma(*asked, "--precision", "bf16", "--out", str(tmp_path / "out.npy"))
    assert done.returncode == 0, done.stderr
    refused = run_sma(*asked, "--precision", "fp16", "--out", str(tmp_path / "other.npy"))
    assert refused.returncode == 2
    assert "--precision fp16 requires a GPU" in refused.stderr
    assert not (tmp_path / "other.npy").exists()
