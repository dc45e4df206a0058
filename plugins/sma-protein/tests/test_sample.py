"""The sample that ships: what its README says of it, how it is chosen, and its way into stores."""

import gzip
import hashlib
import runpy
import sys
from pathlib import Path

import pytest

from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import PrepareRequest
from sma_core.data.tokenizers import ByteTokenizer
from sma_protein.bundled import sample
from sma_protein.readers.fasta import read_fasta
from sma_protein.sequences import check_sequences

TOOL = Path(__file__).parents[1] / "tools" / "make_sample.py"


@pytest.fixture(scope="module")
def sequences() -> list[str]:
    return [row.text for row in read_fasta(sample(), None, ())]


def test_the_sample_is_what_its_readme_says(sequences):
    assert len(sequences) == len(set(sequences)) == 3000
    assert sum(map(len, sequences)) == 832_465
    assert 30 <= min(map(len, sequences)) <= max(map(len, sequences)) <= 512
    assert not any(check_sequences(sequences))
    assert sample().stat().st_size < 600_000
    assert (sample().parent / "README.md").is_file()


def test_the_sample_is_in_the_order_of_its_digests(sequences):
    digests = [hashlib.sha256(sequence.encode()).digest() for sequence in sequences]
    assert digests == sorted(digests)


def test_the_tool_makes_the_sample_again(tmp_path, monkeypatch, capsys):
    shipped = gzip.decompress(sample().read_bytes()).decode()
    records = shipped.split(">")[1:]
    source = tmp_path / "swissprot.fasta"
    unwanted = (
        ">X1|GO\nMKT\n>X2 short\n" + "M" * 29 + "\n>X3 long\n" + "M" * 513 + "\n>X4 gap\n" + "M-" * 40 + "\n"
    )
    source.write_text(unwanted + "".join(f">{record}" for record in [*reversed(records), *records[:5]]))
    made = tmp_path / "made.fasta.gz"
    monkeypatch.setattr(sys, "argv", [str(TOOL), str(source), str(made)])
    runpy.run_path(str(TOOL), run_name="__main__")
    assert capsys.readouterr().out == "3,000 sequences, 832,465 residues\n"
    assert gzip.decompress(made.read_bytes()).decode() == shipped


def test_the_sample_becomes_two_stores(tmp_path):
    request = PrepareRequest(
        source=sample(),
        reader=read_fasta,
        reader_name="fasta",
        tokenizer=ByteTokenizer(),
        cache=tmp_path,
        max_length=512,
        check="sma_protein.sequences:check_sequences",
        processes=1,
    )
    summary = prepare(request).summary
    assert (summary.rows, summary.kept, summary.rejected, summary.longest) == (3000, 3000, 0, 512)
    assert 0 < summary.shortened < 30  # those of 512 residues: the separator takes the last place
    assert summary.ids == 832_465 + 3000 - summary.shortened
