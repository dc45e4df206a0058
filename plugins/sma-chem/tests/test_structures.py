"""SMILES files with names, structure files, and the limits of what RDKit is given."""

import pytest
from rdkit import Chem

from sma_chem.molecules import LONGEST, MOST_ATOMS, canonical_smiles, check_smiles
from sma_chem.smi import read_smi
from sma_chem.structures import read_mol2, read_sdf
from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError

MOL2 = """@<TRIPOS>MOLECULE
chlorine
2 1 0 0 0
SMALL
NO_CHARGES

@<TRIPOS>ATOM
1 C1 0.0 0.0 0.0 Cl 1 LIG 0.0
2 C2 2.0 0.0 0.0 Cl 1 LIG 0.0
@<TRIPOS>BOND
1 1 2 1
"""


def rows(records):
    return [(record.name, record.text) for record in records if isinstance(record, Row)]


def sdf(tmp_path, *molecules, ending="$$$$\n"):
    parts = []
    for smiles, name, items in molecules:
        block = Chem.MolToMolBlock(Chem.MolFromSmiles(smiles)).split("\n", 1)[1]
        data = "".join(f">  <{key}>\n{value}\n\n" for key, value in items.items())
        parts.append(f"{name}\n{block}{data}{ending}")
    path = tmp_path / "a.sdf"
    path.write_text("".join(parts))
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("CCO ethanol, 95 %\nCC\n", [("ethanol, 95 %", "CCO"), ("", "CC")]),
        ("702\tCCO\n6324\tCC\n", [("702", "CCO"), ("6324", "CC")]),
        ("CHEMBL25 CC(=O)O acid\nCHEMBL545 CCO\n", [("CHEMBL25", "CC(=O)O"), ("CHEMBL545", "CCO")]),
        ("CID\tSMILES\n702\tCCO\n", [("702", "CCO")]),
        ("smiles name\nCCO ethanol\n", [("ethanol", "CCO")]),
        ("CCO |$_AV:;;R1$| ethanol\nCC |c:0|\n", [("ethanol", "CCO"), ("", "CC")]),
        ("CCO CCN\nCC CO\n", [("CCN", "CCO"), ("CO", "CC")]),
    ],
)  # fmt: skip
def test_names_of_smiles_files(tmp_path, content, expected):
    (tmp_path / "a.smi").write_text(content)
    assert rows(read_smi(tmp_path / "a.smi", None, ())) == expected


def test_sdf_gives_smiles_names_and_data_items(tmp_path):
    path = sdf(
        tmp_path, ("CCO", "ethanol", {"logP": "-0.3"}), ("c1ccccc1", "benzene", {"logP": "2.1", "note": "a\nb"})
    )
    records = list(read_sdf(path, None, ("logP", "note")))
    assert rows(records) == [("ethanol", "CCO"), ("benzene", "c1ccccc1")]
    assert [record.fields for record in records] == [("-0.3", ""), ("2.1", "a\nb")]
    with pytest.raises(DataError, match="has no data item 'y'; its data items are: logP, note"):
        list(read_sdf(path, None, ("y",)))


def test_sdf_records_that_cannot_be_read_are_set_aside_alone(tmp_path):
    path = sdf(tmp_path, ("CCO", "good", {}), ("CC", "bad", {}), ("C" * (MOST_ATOMS - 1), "long", {}))
    path.write_text(path.read_text().replace("V2000", "V9000", 2).replace("V9000", "V2000", 1) + "cut\n\n\n")
    records = list(read_sdf(path, None, ()))
    assert [record.name for record in records] == ["good", "bad", "long", "cut"]
    assert [type(record) for record in records] == [Row, RejectedRow, Row, RejectedRow]


def test_mol2(tmp_path):
    path = tmp_path / "a.mol2"
    path.write_text(
        "# comment\n" + MOL2 + MOL2.replace("chlorine", "many").replace("2 1 0", f"{MOST_ATOMS + 1} 1 0")
    )
    records = list(read_mol2(path, None, ()))
    assert rows(records) == [("chlorine", "ClCl")]
    assert records[1].reason == f"too many atoms: {MOST_ATOMS + 1:,} (limit {MOST_ATOMS:,})"
    assert records[1].name == "many"


def test_rdkit_is_not_given_what_it_cannot_bear():
    reasons = check_smiles(
        ["C" * MOST_ATOMS, "C" * (MOST_ATOMS + 1), "C" * 50_000, "[13CH2]" * 5_000, "C" + "(" * LONGEST]
    )
    assert reasons[0] is None
    assert reasons[1] == f"too many atoms: {MOST_ATOMS + 1:,} (limit {MOST_ATOMS:,})"
    assert [reason.partition(":")[0] for reason in reasons[2:]] == ["too long"] * 3


def test_the_normal_form_has_no_extension_and_leaves_what_is_too_large_as_it_is():
    long = "C" * (MOST_ATOMS + 1)
    assert canonical_smiles(["OCC |$R1;;$|", "OCC |c:0|", long, "OCC name"]) == ["CCO", "CCO", long, "OCC name"]
