"""The store: views without copies, whole files only, refusal of what is not one."""

import pickle

import numpy as np
import pyarrow as pa
import pytest

from sma_core.data.store import format as store_format
from sma_core.data.store import writer as store_writer
from sma_core.data.store.store import Store, StoreMetadata, StoreWriter
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.errors import DataError

METADATA = StoreMetadata(tokenizer="bytes", tokenizer_version="1", vocabulary_size=262, source="abc")
LABELLED = StoreMetadata(
    tokenizer="bytes", tokenizer_version="1", vocabulary_size=262, targets=("a", "b"), has_text=True
)
TEXTS = [f"{'C' * (i % 7)}{i}" for i in range(1000)]


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(store_writer, "ROWS_IN_BATCH", 150)
    path = tmp_path / "rows.arrow"
    with StoreWriter(path, METADATA) as writer:
        for start in range(0, 1000, 100):
            writer.append(
                ByteTokenizer().encode(TEXTS[start : start + 100]), np.arange(start, start + 100) * 2 + 1
            )
    return path


def test_rows_come_back_across_record_batches(path):
    store = Store.open(path)
    assert len(store) == 1000
    assert [ByteTokenizer().decode(store.ids(i)) for i in range(1000)] == TEXTS
    assert store.lengths.tolist() == [len(text) + 1 for text in TEXTS]
    assert store.lengths.dtype == np.int32
    assert store.row_number(999) == 1999
    assert store.metadata == METADATA
    assert store.statistics.rows == 1000
    assert store.statistics.ids == int(store.lengths.sum())
    assert store.statistics.longest == 10
    assert store.targets is None
    assert store.texts == []


@pytest.mark.parametrize(
    ("first", "end"), [(0, 1000), (0, 150), (149, 151), (10, 140), (420, 990), (7, 8), (999, 1000)]
)
def test_rows_that_follow_one_another_are_read_as_single_ones_are(path, first, end):
    store = Store.open(path)
    rows = np.arange(first, end)
    found = store.gather(rows)
    assert found.tolist() == np.concatenate([store.ids(row) for row in rows]).tolist()
    assert found.flags.writeable
    assert not np.shares_memory(found, store.files[0].content.flat)
    turned = np.concatenate([store.ids(row) for row in rows[::-1]])
    assert store.gather(rows[::-1]).tolist() == turned.tolist()
    assert (
        store.gather(np.array([first, first, end - 1])).tolist()
        == np.concatenate([store.ids(first), store.ids(first), store.ids(end - 1)]).tolist()
    )


def test_ids_are_views_into_the_map(path):
    store = Store.open(path)
    view = store.ids(567)
    assert np.shares_memory(view, store.files[0].content.flat)
    assert not view.flags.owndata
    assert not view.flags.writeable


def test_a_store_travels_by_its_path(path):
    store = Store.open(path)
    packed = pickle.dumps(store)
    assert len(packed) < 500
    assert pickle.loads(packed).ids(3).tolist() == store.ids(3).tolist()


def test_labels_and_texts_come_along(tmp_path):
    targets = np.array([[1.0, np.nan], [2.0, 3.0]], dtype=np.float32)
    with StoreWriter(tmp_path / "a.arrow", LABELLED) as writer:
        writer.append(ByteTokenizer().encode(["CC", "né"]), np.array([1, 4]), ["CC", "né"], targets)
    store = Store.open(tmp_path / "a.arrow")
    np.testing.assert_array_equal(store.targets, targets)
    assert store.texts == ["CC", "né"]
    assert store.metadata.targets == ("a", "b")


def test_large_vocabularies_get_wider_ids(tmp_path):
    metadata = StoreMetadata(tokenizer="words", tokenizer_version="1", vocabulary_size=70_000)
    with StoreWriter(tmp_path / "a.arrow", metadata) as writer:
        encoded = ByteTokenizer().encode(["CC"])
        values = encoded.values.astype(np.uint32) + 65_536
        writer.append(type(encoded)(values, encoded.offsets), np.array([1]))
    assert Store.open(tmp_path / "a.arrow").ids(0).tolist() == [65_609, 65_609, 65_541]


def test_an_empty_store_is_a_store(tmp_path):
    with StoreWriter(tmp_path / "a.arrow", LABELLED):
        pass
    store = Store.open(tmp_path / "a.arrow")
    assert len(store) == 0
    assert store.targets.shape == (0, 2)


def test_an_error_leaves_neither_the_file_nor_the_temporary(tmp_path):
    def write_half():
        with StoreWriter(tmp_path / "a.arrow", METADATA) as writer:
            writer.append(ByteTokenizer().encode(["CC"]), np.array([1]))
            assert not (tmp_path / "a.arrow").exists()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_the_former_store(path):
    before = path.read_bytes()

    def write_half():
        with StoreWriter(path, METADATA):
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_half()
    assert path.read_bytes() == before


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.95, 0.999])
def test_a_cut_off_store_is_refused(path, keep):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DataError, match="not a complete store"):
        Store.open(path)


def test_offsets_that_run_away_are_refused(path):
    content = bytearray(path.read_bytes())
    first = np.cumsum([0] + [len(text) + 1 for text in TEXTS[:5]], dtype=np.int32).tobytes()
    at = bytes(content).find(first)
    assert at > 0
    content[at + 4 : at + 8] = (1 << 30).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="not a complete store"):
        Store.open(path)


def test_a_missing_store_and_a_foreign_file_are_refused(tmp_path):
    with pytest.raises(DataError, match="there is no store"):
        Store.open(tmp_path / "none.arrow")
    path = tmp_path / "foreign.arrow"
    table = pa.table({"x": [1]})
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(DataError, match="not a store of this program"):
        Store.open(path)
    path.write_text("hello")
    with pytest.raises(DataError, match="not a complete store"):
        Store.open(path)


def test_a_later_format_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(store_format, "TABLE_VERSION", store_format.FORMAT_VERSION + 1)
    with StoreWriter(tmp_path / "a.arrow", METADATA) as writer:
        writer.append(ByteTokenizer().encode(["CC"]), np.array([1]))
    with pytest.raises(DataError, match=r"store format 8, this program reads up to 7; update sma-core"):
        Store.open(tmp_path / "a.arrow")
