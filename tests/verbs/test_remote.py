"""Training, predicting and the rest from rows behind URLs, from the command to the run folder."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

import sma_core
from sma_core.errors import DataError
from tests.support.runs import latest_weights, same

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

SYLLABLES = [first + second for first in "bklmn" for second in "aeio"]
WORDS = [first + second + first for first in SYLLABLES for second in SYLLABLES[:6]]
ROWS = "\n".join(WORDS) + "\n"


def labelled(words: list[str]) -> bytes:
    return ("word,vowels\n" + "".join(f"{word},{sum(word.count(v) for v in 'ae')}\n" for word in words)).encode()


def train(toy: str, url: str, out: Path, **settings: object):
    return sma_core.train(toy, data=url, settings={"training.steps": 2, **settings}, out=out)


def test_a_run_from_a_url_is_the_run_from_the_file(toy, web, tmp_path):
    (tmp_path / "words.txt").write_text(ROWS)
    web.files["words.txt.gz"] = gzip.compress(ROWS.encode(), mtime=0)
    here = train(toy, str(tmp_path / "words.txt"), tmp_path / "here")
    as_file = train(toy, f"file://{tmp_path}/words.txt", tmp_path / "file")
    there = train(toy, f"{web.url}/words.txt.gz", tmp_path / "there")
    assert here.rows == there.rows == len(WORDS)
    for other in (as_file, there):
        assert same(latest_weights(here.run), latest_weights(other.run))


def test_what_is_prepared_is_used_without_a_fetch(toy, web, tmp_path):
    web.files["words.txt"] = ROWS.encode()
    url = f"{web.url}/words.txt"
    train(toy, url, tmp_path / "one", **{"data.keep_remote": False})
    assert not list(Path(os.environ["SMA_CACHE"]).glob("remote/**/words.txt"))
    fetched = web.asked.count("GET /words.txt")
    assert fetched > 0
    train(toy, url, tmp_path / "two", **{"data.keep_remote": False})
    assert web.asked.count("GET /words.txt") == fetched
    web.files["words.txt"] = ROWS.encode() + b"bako\n"
    again = train(toy, url, tmp_path / "three", **{"data.keep_remote": False})
    assert again.rows == len(WORDS) + 1


def test_a_pattern_behind_a_url_is_one_set(toy, memory, tmp_path):
    memory.pipe("/parts/a.txt", ("\n".join(WORDS[:60]) + "\n").encode())
    memory.pipe("/parts/b.txt", ("\n".join(["BAD!", *WORDS[60:]]) + "\n").encode())
    result = train(toy, "memory://parts/*.txt", tmp_path / "run")
    assert result.rows == len(WORDS)
    (line,) = [json.loads(line) for line in (result.run / "rejected.jsonl").read_text().splitlines()]
    assert (line["file"], line["row"]) == ("memory://parts/b.txt", 1)


def test_a_run_goes_on_without_the_server(toy, web, tmp_path):
    web.files["words.txt"] = ROWS.encode()
    run = train(toy, f"{web.url}/words.txt", tmp_path / "run").run
    web.stop()
    assert sma_core.train(resume=str(run), settings={"training.steps": 3}).step == 3


def test_a_broken_connection_leaves_nothing_half_written(toy, web, tmp_path):
    web.files["words.txt"], web.cut = ROWS.encode(), True
    with pytest.raises(DataError, match="the connection broke while"):
        train(toy, f"{web.url}/words.txt", tmp_path / "run")
    cache = Path(os.environ["SMA_CACHE"])
    left = [file.name for file in cache.rglob("*") if file.is_file() and file.parent.name != "seen"]
    assert [name for name in left if not name.startswith(".lock")] == []
    web.cut = False
    assert train(toy, f"{web.url}/words.txt", tmp_path / "again").rows == len(WORDS)


def test_secrets_are_not_written(toy, web, tmp_path, run_sma):
    web.files["words.txt"] = ROWS.encode() + b"BAD!\n"
    url = web.url.replace("//", "//me:hush@") + "/words.txt?token=hush"
    done = run_sma("train", "--domain", toy, "--data", url, "--set", "training.steps=2", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "hush" not in done.stdout + done.stderr
    for folder in (tmp_path / "run", Path(os.environ["SMA_CACHE"])):
        written = [file for file in folder.rglob("*") if file.is_file()]
        assert written
        assert [file.name for file in written if b"hush" in file.read_bytes() or "hush" in file.name] == []


def test_a_query_is_not_written_and_asked_for_again(toy, web, tmp_path, run_sma, caplog):
    web.files["words.txt"] = ROWS.encode()
    url = web.url.replace("//", "//me:h%27u'sh@") + "/words.txt"
    source = f"{url}?other=hush&pw=hush"
    few = ("--out", "run", "--set", "training.steps")
    assert run_sma("train", "--domain", toy, "--data", source, *few[:2], few[2], f"{few[3]}=2").returncode == 0
    cache = Path(os.environ["SMA_CACHE"])
    for folder in (tmp_path / "run", cache):
        written = [file for file in folder.rglob("*") if file.is_file()]
        assert [file for file in written if b"sh@" in file.read_bytes() or b"hush" in file.read_bytes()] == []
    assert f"{web.url}/words.txt?query-sha256=" in (tmp_path / "run" / "config.toml").read_text()
    again = ("train", "--resume", "run", *few[2:3])
    done = run_sma(*again, "training.steps=3")
    assert done.returncode == 0, done.stderr  # its rows are prepared
    assert "was read with a query, which is not recorded: pass the whole URL again" in caplog.text
    for folder in cache.iterdir():
        shutil.rmtree(folder)
    done = run_sma(*again, "training.steps=4")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pass the whole URL again with --data" in done.stderr
    done = run_sma(*again, "training.steps=4", "--data", f"{url}?other=hush&pw=new")
    assert done.returncode == 0, done.stderr
    other = run_sma(*again, "training.steps=5", "--data", f"{url}?other=2")
    assert "'data.source' is" in other.stderr


def test_queries_that_differ_are_different_files(toy, web, tmp_path):
    web.files["words.txt"] = ROWS.encode()
    for number in range(2):
        train(toy, f"{web.url}/words.txt?part={number}", tmp_path / f"run-{number}")
    assert len(list((Path(os.environ["SMA_CACHE"]) / "remote").glob("*/words.txt"))) == 2


def test_finetuning_and_what_follows_take_urls(toy, web, tmp_path, run_sma):
    web.files["labelled.csv"] = labelled(WORDS)
    url = f"{web.url}/labelled.csv"
    tuned = tmp_path / "tuned"
    finetune = ("--data", url, "--target", "vowels", "--set", "training.steps=2", "--out", tuned)
    for arguments in (
        ("finetune", "--domain", toy, *finetune),
        ("evaluate", "--model", tuned, "--data", url, "--bootstrap", 10),
        ("predict", url, "--model", tuned, "--out", tmp_path / "predictions.csv"),
        ("embed", url, "--model", tuned, "--out", tmp_path / "vectors.npz"),
        ("probe", "--domain", toy, "--random-weights", "--data", url, "--target", "vowels"),
    ):
        done = run_sma(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == len(WORDS) + 1


def test_wrong_urls_end_in_one_sentence(toy, web, tmp_path, run_sma):
    for url, sentence in {
        f"{web.url}/gone.txt": f"there is no file {web.url}/gone.txt",
        "nothing://words.txt": "does not support the protocol 'nothing'",
        "http://127.0.0.1:1/words.txt": "cannot be reached",
    }.items():
        done = run_sma("train", "--domain", toy, "--data", url, "--out", tmp_path / "run")
        assert (done.returncode, done.stderr.count("Traceback")) == (2, 0)
        assert sentence in done.stderr
        assert not (tmp_path / "run").exists()
