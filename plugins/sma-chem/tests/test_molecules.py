"""Which SMILES pass, and the reader of SMILES files."""

import gzip

import pytest

from sma_chem.molecules import check_smiles
from sma_chem.smi import read_smi
from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError


def test_molecules_pass():
    good = [
        "C",
        "c1ccccc1",
        "C[C@@H](N)C(=O)O",
        "[Na+].[Cl-]",
        "OCC3OC(OCC2OC(O)C(O)C2O)C(O)C(O)C3O",
        "[H][H]",
    ]
    assert check_smiles(good) == [None] * len(good)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("not a molecule", "white space inside the SMILES"),
        ("CCO ethanol", "white space inside the SMILES"),
        ("C1CC", "RDKit cannot parse the SMILES"),
        ("xyz", "RDKit cannot parse the SMILES"),
        ("", "no atoms"),
        ("C(C)(C)(C)(C)C", "no molecule: Explicit valence for atom # 0 C, 5, is greater than permitted"),
        ("c1cccc1", "no molecule: Can't kekulize mol.  Unkekulized atoms: 0 1 2 3 4"),
    ],
)
def test_the_reason_is_given(smiles, reason):
    assert check_smiles(["CC", smiles, "N"]) == [None, reason, None]


def test_rdkit_says_nothing_meanwhile(capfd):
    check_smiles(["C1CC", "c1cccc1"])
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_the_first_word_is_the_molecule(tmp_path):
    path = tmp_path / "a.smi.gz"
    path.write_bytes(gzip.compress(b"CC ethane\n\tNN\n\nO\xff x\nC\t1 two words"))
    assert list(read_smi(path, None, ())) == [
        Row(1, "CC"),
        Row(2, "NN"),
        RejectedRow(3, "empty"),
        RejectedRow(4, "not valid UTF-8", "O\ufffd"),
        Row(5, "C"),
    ]


def test_a_smiles_with_an_undecodable_byte_is_answered():
    assert check_smiles(["C\udcff", "C"]) == ["not valid UTF-8", None]


def test_a_header_line_is_no_molecule(tmp_path):
    path = tmp_path / "a.smi"
    path.write_text("SMILES Name\nCC ethane\n")
    assert list(read_smi(path, None, ())) == [Row(1, "CC")]


@pytest.mark.parametrize("content", ["", "smiles name\n"])
def test_nothing_to_read_is_said(tmp_path, content):
    path = tmp_path / "a.smi"
    path.write_text(content)
    with pytest.raises(DataError, match="holds no rows"):
        list(read_smi(path, None, ()))


def test_smiles_files_have_no_columns(tmp_path):
    path = tmp_path / "a.smi"
    path.write_text("CC\n")
    with pytest.raises(DataError, match="has no columns"):
        list(read_smi(path, "smiles", ()))
