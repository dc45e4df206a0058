"""Tables that pandas wrote to HDF5, such as the top-tagging set: columns by name, without unpickling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sma_core
from sma_core.data.blocks import Block
from sma_core.errors import DataError
from sma_physics.jets.reader import read_particles
from sma_physics.readers.hdf5 import read_hdf5

h5py = pytest.importorskip("h5py", reason="needs sma-physics[hdf5]")

PARTICLES = 3
MOMENTA = [f"{part}_{index}" for index in range(PARTICLES) for part in ("E", "PX", "PY", "PZ")]
TRUTH = ["truthE", "truthPX", "truthPY", "truthPZ"]


def pickled(names: list[str]) -> bytes:
    """A list of texts in protocol 0, as pandas writes the attribute."""
    items = "".join(f"{'a' if index else ''}V{name}\np{index + 1}\n" for index, name in enumerate(names))
    return f"(lp0\n{items}a.".encode()


def top_tagging(path: Path, names: bytes | None = None, **options: object) -> np.ndarray:
    """Write a file of the layout of the top-tagging set; return its momenta (n, particles, 4)."""
    draw = np.random.default_rng(0)
    momenta = draw.normal(size=(40, PARTICLES, 4)).astype(np.float32)
    momenta[..., 0] = np.linalg.norm(momenta[..., 1:], axis=2)
    momenta[::2, 2] = 0  # padding
    kind = [("index", "<i8"), ("values_block_0", "<f4", (4 * PARTICLES + 4,)), ("values_block_1", "<i8", (2,))]
    rows = np.zeros(40, dtype=kind)
    rows["index"] = np.arange(1000, 1040)
    rows["values_block_0"][:, : 4 * PARTICLES] = momenta.reshape(40, -1)
    rows["values_block_1"][:, 1] = np.arange(40) % 2
    with h5py.File(path, "w") as file:
        table = file.create_dataset("table/table", data=rows, **options)
        table.attrs["index_kind"] = np.bytes_(b"integer")
        table.attrs["values_block_0_kind"] = np.bytes_(names or pickled([*MOMENTA, *TRUTH]))
        table.attrs["values_block_1_kind"] = np.bytes_(pickled(["ttv", "is_signal_new"]))
        file.create_dataset("table/_i_table/index/indices", data=np.zeros((2, 5), dtype=np.uint32))
    return momenta


def test_columns_have_their_names_and_the_index_is_none(tmp_path):
    momenta = top_tagging(tmp_path / "a.h5")
    (block,) = read_hdf5(tmp_path / "a.h5", (), ("is_signal_new",))
    assert [name.rpartition("/")[2] for name in block.columns] == [*MOMENTA, *TRUTH, "ttv"]
    assert np.array_equal(block.values[:, :12], momenta.reshape(40, 12))
    assert block.fields[0].tolist() == [0, 1] * 20
    (block,) = read_hdf5(tmp_path / "a.h5", ("PX_1", "truthE"), ())
    assert np.array_equal(block.values, np.stack([momenta[:, 1, 1], np.zeros(40)], axis=1))


def test_jets_are_read_from_it_and_padding_is_left_out(tmp_path):
    momenta = top_tagging(tmp_path / "a.h5", compression="gzip")
    (block,) = read_particles(tmp_path / "a.h5", (), ("is_signal_new",))
    assert isinstance(block, Block)
    assert block.sequences.lengths.tolist() == [2, 3] * 20
    largest = np.hypot(momenta[..., 1], momenta[..., 2]).max(axis=1)
    assert block.sequences[3][0, 0] == pytest.approx(np.log(largest[3]), rel=1e-5)
    settings = {"targets": ["is_signal_new"], "training.steps": 2, "baselines": False, "split.name": "random"}
    tuned = sma_core.finetune("jets", data=tmp_path / "a.h5", settings=settings, out=tmp_path / "run")
    assert tuned.kind == "binary"


@pytest.mark.parametrize(
    "names",
    [
        b"cos\nsystem\n(S'touch owned'\ntR.",  # a pickle that runs a command
        pickled(["a", "b"]),  # not as many as columns
        pickled([*MOMENTA[:-1], "E_0", *TRUTH]),  # twice the same
    ],
)
def test_names_that_are_no_list_of_texts_are_not_used(tmp_path, monkeypatch, names):
    monkeypatch.chdir(tmp_path)
    top_tagging(tmp_path / "a.h5", names)
    (block,) = read_hdf5(tmp_path / "a.h5", (), ("is_signal_new",))
    assert block.columns[0] == "table/table/values_block_0/0"
    assert not (tmp_path / "owned").exists()
    with pytest.raises(DataError, match="has no columns E_0, PX_0, PY_0, PZ_0, … of particles; to read other"):
        list(read_particles(tmp_path / "a.h5", (), ()))


def test_a_compression_that_is_not_installed_is_a_sentence(tmp_path, monkeypatch):
    top_tagging(tmp_path / "a.h5", compression="gzip")
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: False)
    with pytest.raises(DataError, match="table/table is compressed with deflate: pip install hdf5plugin"):
        list(read_hdf5(tmp_path / "a.h5", (), ()))
