"""The reader of pictures: folders and files, with the pixels that were written, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import sma_core
from sma_core.data.blocks import Block
from sma_core.data.records import RejectedRow
from sma_core.errors import ConfigError, DataError
from sma_image import pictures as pictures_module
from sma_image.pictures import read_pictures

RGB = ("red", "green", "blue")


def colours(seed, rows=4, columns=6):
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3)).astype(np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return pixels


def split(records):
    records = list(records)
    return (
        [record for record in records if isinstance(record, Block)],
        [record for record in records if isinstance(record, RejectedRow)],
    )


@pytest.mark.parametrize("values", [1 << 22, 100])
def test_a_folder_gives_pixels_row_by_row_with_labels_of_folders(tmp_path, monkeypatch, values):
    monkeypatch.setattr(pictures_module, "VALUES_IN_BLOCK", values)
    names = ["train/cat/a.png", "train/dog/b.png", "test/cat/c.png", "d.png"]
    written = {name: save(tmp_path / name, colours(seed)) for seed, name in enumerate(names)}
    (tmp_path / "notes.txt").write_text("no picture")
    save(tmp_path / ".hidden" / "e.png", colours(9))
    blocks, rejected = split(read_pictures(tmp_path, (), ("label", "split", "file")))
    assert not rejected
    assert {block.columns for block in blocks} == {RGB}
    rows = [(block, row) for block in blocks for row in range(len(block))]
    assert [int(block.numbers[row]) for block, row in rows] == [1, 2, 3, 4]
    fields = [tuple(field[row] for field in block.fields) for block, row in rows]
    assert fields == [
        ("", "", "d.png"),
        ("cat", "test", "test/cat/c.png"),
        ("cat", "train", "train/cat/a.png"),
        ("dog", "train", "train/dog/b.png"),
    ]
    for (block, row), (_, _, name) in zip(rows, fields, strict=True):
        assert np.array_equal(block.sequences[row], written[name].reshape(24, 3))


def test_one_picture_and_some_channels(tmp_path):
    pixels = save(tmp_path / "a.png", colours(0))
    (block,) = read_pictures(tmp_path / "a.png", ("blue", "red"), ("file",))
    assert block.fields[0].tolist() == [f"{tmp_path.name}/a.png"]
    assert np.array_equal(block.values, pixels.reshape(24, 3)[:, [2, 0]])
    (grey,) = read_pictures(tmp_path / "a.png", (), (), mode="L")
    assert np.array_equal(grey.values[:, 0], np.asarray(Image.fromarray(pixels).convert("L")).ravel())


def test_pictures_of_a_pattern_have_the_labels_of_their_folders(tmp_path):
    for seed, name in enumerate(["cat/a.png", "dog/a.png", "train/a.png"]):
        save(tmp_path / name, colours(seed))
    read = [
        tuple(field[0] for field in next(iter(read_pictures(path, (), ("label", "file")))).fields)
        for path in sorted(tmp_path.glob("*/a.png"))
    ]
    assert read == [("cat", "cat/a.png"), ("dog", "dog/a.png"), ("", "train/a.png")]


def test_one_file_that_is_no_picture_is_set_aside(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    (rejected,) = read_pictures(tmp_path / "a.png", (), ())
    assert rejected.kind == "not a readable picture"


def test_pictures_of_several_sizes_are_refused_or_scaled(tmp_path):
    save(tmp_path / "a.png", colours(0))
    save(tmp_path / "b.png", np.full((20, 10, 3), 7, dtype=np.uint8))
    with pytest.raises(
        DataError, match=r"several sizes: 4 x 6 pixels first, 20 x 10 in b.png; scale all to one with"
    ):
        list(read_pictures(tmp_path, (), ()))
    (block,) = read_pictures(tmp_path, (), (), size="3x5")
    assert block.sequences.lengths.tolist() == [15, 15]
    assert (block.sequences[1] == 7).all()
    (square,) = read_pictures(tmp_path, (), (), size=2)
    assert square.sequences.lengths.tolist() == [4, 4]


@pytest.mark.parametrize(("size", "mode"), [("0x4", "L"), ("a", "L"), ("3x", "L"), ("3", "CMYK")])
def test_wrong_options_are_sentences(tmp_path, size, mode):
    with pytest.raises(ConfigError, match=r"data\.options\.(size|mode) must be"):
        list(read_pictures(tmp_path, (), (), size=size, mode=mode))


def test_what_pillow_would_clip_cut_or_not_read_is_set_aside_by_name(tmp_path, monkeypatch):
    save(tmp_path / "a" / "good.png", colours(0))
    save(tmp_path / "a" / "deep.png", np.full((4, 6), 40_000, dtype=np.uint16))
    frames = [Image.fromarray(colours(seed)) for seed in (1, 2)]
    frames[0].save(tmp_path / "a" / "moving.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "a" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    save(tmp_path / "a" / "large.png", colours(3, 40, 40))
    monkeypatch.setattr(pictures_module, "MOST_PIXELS", 1000)
    blocks, rejected = split(read_pictures(tmp_path, (), ("label",)))
    assert sum(map(len, blocks)) == 1
    assert {(row.name, row.kind, row.fields) for row in rejected} == {
        ("a/deep.png", "has pixels of more than 8 bits", ("a",)),
        ("a/moving.gif", "has several frames", ("a",)),
        ("a/broken.jpg", "not a readable picture", ("a",)),
        ("a/large.png", "too large", ("a",)),
    }


def test_transparent_pixels_are_white_and_turned_pictures_are_upright(tmp_path):
    clear = np.zeros((4, 6, 4), dtype=np.uint8)
    clear[:, :3, 3] = 255
    save(tmp_path / "a.png", clear)
    (block,) = read_pictures(tmp_path / "a.png", (), (), mode="L")
    assert block.values.reshape(4, 6).tolist() == [[0, 0, 0, 255, 255, 255]] * 4
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    grey = save(tmp_path / "b.png", np.arange(24, dtype=np.uint8).reshape(4, 6), exif=exif)
    (block,) = read_pictures(tmp_path / "b.png", (), (), mode="L")
    assert np.array_equal(block.values.reshape(6, 4), np.rot90(grey, -1))


def test_a_folder_without_pictures_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match="has no picture; the endings read are"):
        list(read_pictures(tmp_path, (), ()))


@pytest.mark.parametrize("shape", [(5, 4, 6), (5, 4, 6, 3)])
def test_arrays_hold_pictures_and_labels(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    np.savez(tmp_path / "a.npz", images=pixels, label=list("abcde"))
    mode = "RGB" if len(shape) == 4 else "L"
    (block,) = read_pictures(tmp_path / "a.npz", (), ("label",), mode=mode, size="4x6")
    assert block.columns == (RGB if len(shape) == 4 else ("grey",))
    assert block.fields[0].tolist() == list("abcde")
    assert np.array_equal(block.values, pixels.reshape(5 * 24, -1))
    other = "L" if len(shape) == 4 else "RGB"
    with pytest.raises(DataError, match=f"but data.options.mode is {other}: convert them to {other}"):
        list(read_pictures(tmp_path / "a.npz", (), (), mode=other))
    with pytest.raises(DataError, match=r"4 x 6 pixels, but data.options.size is 8x8, and arrays are not scaled"):
        list(read_pictures(tmp_path / "a.npz", (), (), mode=mode, size=8))


def test_arrays_of_other_dimensions_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((5, 4)), label=list("abcde"))
    with pytest.raises(
        DataError, match=r"must hold one array of pictures.*it holds images \(5 x 4\), label \(5\)"
    ):
        list(read_pictures(tmp_path / "a.npz", (), ()))


def test_a_picture_in_no_folder_of_a_class_is_named_and_set_aside(tmp_path, caplog):
    for number in range(24):
        save(tmp_path / "mine" / "ab"[number % 2] / f"{number}.png", colours(number, 4, 4))
    save(tmp_path / "mine" / "stray.png", colours(99, 4, 4))
    list(read_pictures(tmp_path / "mine", (), ("file",)))
    assert not caplog.records
    size = {"data.options.size": "4x4", "model.grid": [4, 4], "model.max_length": 16}
    settings = size | {"targets": ["label"], "training.epochs": 1.0, "baselines": False, "kind": "multiclass"}
    tuned = sma_core.finetune("image", data=tmp_path / "mine", settings=settings, out=tmp_path / "run")
    assert (sum(tuned.rows.values()), tuned.rejected) == (24, 1)
    sentence = (
        f"1 picture in the folder {tmp_path / 'mine'} is in no folder of a class and so has no label: stray.png"
    )
    assert [record.getMessage() for record in caplog.records].count(sentence) == 1
    caplog.clear()
    for stray in range(2, 8):
        save(tmp_path / "mine" / "train" / f"s{stray}.png", colours(stray, 4, 4))
    list(read_pictures(tmp_path / "mine", (), ("label",)))
    assert "7 pictures in the folder" in caplog.text
    assert "stray.png, train/s2.png, train/s3.png, train/s4.png, train/s5.png, …" in caplog.text
    caplog.clear()
    list(read_pictures(tmp_path / "mine" / "a", (), ("label",)))
    assert not caplog.records


def test_masks_show_the_file_of_each_picture(tmp_path):
    masks = pytest.importorskip("sma_view.masks").masks
    for number in range(6):
        save(tmp_path / "mine" / "ab"[number % 2] / f"{number}.png", colours(number, 4, 4))
    size = {"data.options.size": "4x4", "model.grid": [4, 4], "model.max_length": 16, "training.steps": 1}
    run = sma_core.train("image", data=tmp_path / "mine", settings=size, out=tmp_path / "run").run
    page = tmp_path / "masks.html"
    shown = masks(run, tmp_path / "mine", rows=2, draws=1, page=page)
    assert [row.name for row in shown.rows] == ["a/0.png", "a/2.png"]
    assert "<h2>Row 1 a/0.png</h2>" in page.read_text()


def test_arrays_with_channels_first_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((5, 3, 8, 8), dtype=np.uint8))
    with pytest.raises(DataError, match="seem to begin with their channels"):
        list(read_pictures(tmp_path / "a.npz", (), ()))


def test_an_excluded_channel_is_not_read(tmp_path):
    pixels = np.arange(5 * 4 * 4 * 3, dtype=np.uint8).reshape(5, 4, 4, 3)
    np.savez(tmp_path / "a.npz", images=pixels)
    (block,) = read_pictures(tmp_path / "a.npz", (), (), exclude=("green",))
    assert block.columns == ("red", "blue")
    assert np.array_equal(block.sequences[1], pixels[1, :, :, [0, 2]].reshape(2, 16).T)


@pytest.mark.parametrize(("shape", "named"), [((16, 4), "16 x 4"), ((8, 9), "8 x 9")])
def test_pictures_on_another_grid_than_the_model_are_refused(tmp_path, shape, named):
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", images=draw.integers(0, 255, (60, *shape)).astype(np.uint8))
    settings = {"training.steps": 2, "data.options": {"size": "x".join(map(str, shape)), "mode": "L"}}
    with pytest.raises(DataError, match=rf"rows of {named} positions, but model.grid is 8 x 8"):
        sma_core.train("image", data=tmp_path / "a.npz", settings=settings, out=tmp_path / "run")


def test_pixels_in_other_units_than_those_of_the_training_are_told(tmp_path, caplog):
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 255, (60, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "a.npz", images=pixels)
    np.savez(tmp_path / "b.npz", images=pixels / 255)
    settings = {"training.steps": 2, "training.batch_size": 16}
    run = sma_core.train("image", data=tmp_path / "a.npz", settings=settings, out=tmp_path / "run").run
    for name, told in (("a.npz", 0), ("b.npz", 1)):
        caplog.clear()
        sma_core.embed(run, tmp_path / name, out=tmp_path / f"{name}.npy")
        assert caplog.text.count("as in other units: grey (0.5") == told
