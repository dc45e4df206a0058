"""Files behind URLs: what is listed, fetched once and whole, told apart when changed, and what is kept secret."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

from sma_core.data.remote.access import FetchError, UnreachableError
from sma_core.data.remote.files import fetch, local_copy, state_of
from sma_core.data.remote.listing import RemoteLookup
from sma_core.errors import DataError
from sma_core.urls import MARK, is_url, local_path, name_of, split_list, without_secrets


def place(cache: Path, keep: bool = True) -> RemoteLookup:
    return RemoteLookup(cache, keep, serves=lambda name: name.endswith(".txt"), purpose="test")


def copies(cache: Path) -> list[str]:
    """Return the names of all files in the cache but notes and locks."""
    return sorted(
        file.name
        for file in cache.glob("*/**/*")
        if file.is_file() and file.parent.name != "seen" and not file.name.startswith(".lock")
    )


def test_a_file_is_fetched_once_and_whole(memory, tmp_path):
    memory.pipe("/rows/words.txt", b"bako\n")
    (file,) = place(tmp_path).files("memory://rows/words.txt")
    assert (str(file), file.name, file.size) == ("memory://rows/words.txt", "words.txt", 5)
    assert copies(tmp_path) == []
    with local_copy(file) as path:
        assert path.read_bytes() == b"bako\n"
    memory.rm("/rows/words.txt")
    with local_copy(file) as path:
        assert path.read_bytes() == b"bako\n"
    assert copies(tmp_path) == ["words.txt"]


def test_a_pattern_and_a_folder_name_their_files_in_order(memory, tmp_path):
    for name in ("b.txt", "a.txt", "notes.md", ".hidden.txt"):
        memory.pipe(f"/rows/{name}", b"bako\n")
    for url in ("memory://rows/*.txt", "memory://rows"):
        found = [str(file) for file in place(tmp_path).files(url)]
        assert found == ["memory://rows/a.txt", "memory://rows/b.txt"]
    with pytest.raises(FetchError, match=r"no file matches memory://rows/\*\.csv"):
        place(tmp_path).files("memory://rows/*.csv")


def test_a_changed_object_is_another_file(memory, tmp_path):
    memory.pipe("/words.txt", b"bako\n")
    (before,) = place(tmp_path).files("memory://words.txt")
    memory.pipe("/words.txt", b"beko\n")
    (after,) = place(tmp_path).files("memory://words.txt")
    assert state_of(before) != state_of(after)
    with pytest.raises(FetchError, match="changed since this command began"):
        fetch(before)
    assert copies(tmp_path) == []


def test_a_passing_copy_goes_when_it_was_read(memory, tmp_path):
    memory.pipe("/words.txt", b"bako\n")
    (file,) = place(tmp_path, keep=False).files("memory://words.txt")
    with local_copy(file) as path:
        assert path.read_bytes() == b"bako\n"
    assert copies(tmp_path) == []


def test_errors_name_the_url_and_not_the_copy(memory, tmp_path):
    memory.pipe("/words.txt", b"bako\n")
    (file,) = place(tmp_path).files("memory://words.txt")
    with pytest.raises(DataError, match=r"^row 1 of memory://words\.txt is bad$"), local_copy(file) as path:
        raise DataError(f"row 1 of {path} is bad")


def test_a_connection_that_breaks_leaves_nothing(web, tmp_path):
    web.files["words.txt"] = b"bako\n" * 1000
    (file,) = place(tmp_path).files(f"{web.url}/words.txt")
    web.cut = True
    with pytest.raises(UnreachableError, match=r"the connection broke while http.*words\.txt was fetched"):
        fetch(file)
    assert copies(tmp_path) == []
    web.cut = False
    with local_copy(file) as path:
        assert path.read_bytes() == web.files["words.txt"]


@pytest.mark.parametrize(("status", "sentence"), [(403, "may not be read: .*check the credentials"), (500, "500")])
def test_a_refusal_is_said_without_secrets(web, tmp_path, status, sentence):
    web.files["words.txt"], web.status = b"bako\n", status
    with pytest.raises(UnreachableError, match=sentence) as raised:
        place(tmp_path).files(f"{web.url}/words.txt?token=hush")
    assert "hush" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_what_is_not_there_is_said(web, memory, tmp_path):
    for url in (f"{web.url}/gone.txt", "memory://gone.txt"):
        with pytest.raises(FetchError, match=r"there is no file .*gone\.txt; check the URL"):
            place(tmp_path).files(url)
    with pytest.raises(FetchError, match="does not support the protocol 'nothing'"):
        place(tmp_path).files("nothing://words.txt")


def test_without_the_extra_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(FetchError, match=r"needs fsspec: pip install 'sma-core\[remote\]'"):
        place(tmp_path).files("memory://words.txt")


def test_a_server_that_is_away_leaves_what_was_seen(web, tmp_path, caplog):
    web.files["words.txt"] = b"bako\n"
    url = f"{web.url}/words.txt?signature=hush"
    (before,) = place(tmp_path).files(url)
    fetch(before)
    web.stop()
    (after,) = place(tmp_path).files(url)
    assert state_of(after) == state_of(before)
    with local_copy(after) as path:
        assert path.read_bytes() == b"bako\n"
    assert "Using its last known listing" in caplog.text
    notes = "".join(note.read_text() for note in (tmp_path / "seen").iterdir())
    assert json.loads(notes)["files"][0]["url"] == f"{web.url}/words.txt"
    assert "hush" not in notes + caplog.text
    other = place(tmp_path / "other")
    with pytest.raises(UnreachableError, match="cannot be reached"):
        other.files(url)


def hash_of(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:hush@host/a.csv", "https://host/a.csv"),
        ("https://host/a.csv?version=2&X-Amz-Signature=hush", f"https://host/a.csv?{MARK}{hash_of('version=2')}"),
        (f"https://host/a.csv?{MARK}0123", f"https://host/a.csv?{MARK}0123"),
        ("https://me:hu'sh@host/a.csv", "https://host/a.csv"),
        ('https://me:hu"sh@host/a.csv', "https://host/a.csv"),
        ("https://me:hu<sh@host/a.csv", "https://host/a.csv"),
        ("https://me:hu,sh@host/a.csv,b.csv", "https://host/a.csv,b.csv"),
        ("https://me:hu sh@host:80/a b.csv?pw=hush", "https://host:80/a b.csv"),
        ("https://me:hu/sh@host/a.csv", "https://host/a.csv"),
        ("https://me:hu?sh@host/a.csv", "https://host/a.csv"),
        ("https://[::1]:8000/a@b.csv", "https://[::1]:8000/a@b.csv"),
        ("https://host/a.csv?pw=hush", "https://host/a.csv"),
        ("https://host/a.csv?sas=hush", "https://host/a.csv"),
        ("https://host/a.csv?other=hush#hush", f"https://host/a.csv?{MARK}{hash_of('other=hush')}"),
        ("https://host/a.csv?hush", f"https://host/a.csv?{MARK}{hash_of('hush')}"),
        ("s3://bucket/a.csv?versionId=hush", f"s3://bucket/a.csv?{MARK}{hash_of('versionId=hush')}"),
        ("https://a/b.csv?pw=hush,https://me:hush@c/d.csv?sig=hush", "https://a/b.csv,https://c/d.csv"),
        ("403, url='https://host/a.csv?pw=hush' and more", "403, url='https://host/a.csv"),
        (
            "from https://host/a.csv to https://me:hush@other/b.csv",
            "from https://host/a.csv to https://other/b.csv",
        ),
        ("https://host/a.csv?sv=1&sig=hush", "https://host/a.csv"),
        ("s3://key:hush@bucket/a.csv", "s3://bucket/a.csv"),
        ("s3://bucket/part-?.csv", "s3://bucket/part-?.csv"),
        ("a.csv,https://host/b.csv?token=hush", "a.csv,https://host/b.csv"),
        ("folder/a.csv", "folder/a.csv"),
    ],
)
def test_secrets_are_left_out(url, shown):
    assert without_secrets(url) == shown


def test_a_list_is_split_between_urls_and_files():
    source = "a.csv, https://me:p,q@host/b.csv ,s3://bucket/c.csv?k=1,2,https://host/d.csv,"
    parts = ["a.csv", "https://me:p,q@host/b.csv", "s3://bucket/c.csv?k=1,2", "https://host/d.csv"]
    assert split_list(source) == parts


def test_what_is_a_url():
    assert is_url("s3://bucket/a.csv")
    assert not is_url("chem:esol")
    assert local_path("file:///data/a%20b.csv") == "/data/a b.csv"
    assert name_of("https://host/rows/a.csv?version=2") == "a.csv"
