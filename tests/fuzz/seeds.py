"""Small valid files of every format, the corpus that is changed."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

WORDS = b"kato\nmire\nsulan\n"
CSV = b'text,y,note\nkato,1.5,first\n"mi,re",,"a ""b"""\nsulan,nan,last\n'
NUMBERS = b"pt,eta,y\n1.5,-0.2,1\n2.5,nan,0\n-9999,3e-12,1\n"
SMILES = b"CCO ethanol\nc1ccccc1 benzene\nnot-a-molecule\nC[C@H](N)O |$;;R1$| name\n"
FASTA = b">a first\nMKTAYIAK\nQRQIS*\n>b\nACDEFGHIKLMNPQRSTVWY\n"
A3M = b">a\nMKT-AYIAK\n>b\nMKTaAYI-K\n"
STOCKHOLM = b"# STOCKHOLM 1.0\n#=GF ID test\na MKTAY.\nb MK-AYI\n#=GC SS_cons HHHHHH\n//\n"
SDF = b"""ethanol
  made

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 C   0  0
    1.5000    0.0000    0.0000 C   0  0
    2.2500    1.2990    0.0000 O   0  0
  1  2  1  0
  2  3  1  0
M  END
> <y>
1.5

$$$$
"""
MOL2 = b"""@<TRIPOS>MOLECULE
methanol
 2 1 0 0 0
SMALL
NO_CHARGES

@<TRIPOS>ATOM
1 C 0.0 0.0 0.0 C.3 1 A 0.0
2 O 1.4 0.0 0.0 O.3 1 A 0.0
@<TRIPOS>BOND
1 1 2 1
"""
GENBANK = b"""LOCUS       AB00001                    8 aa            linear   BCT 01-JAN-2000
DEFINITION  a protein.
ACCESSION   AB00001
VERSION     AB00001.1
FEATURES             Location/Qualifiers
     source          1..8
                     /organism="none"
ORIGIN
        1 mktayiak
//
"""
UNIPROT = b"""ID   A_TEST                  Reviewed;           8 AA.
AC   P00001;
DT   01-JAN-2000, integrated into UniProtKB/Swiss-Prot.
DE   RecName: Full=A;
OS   None.
SQ   SEQUENCE   8 AA;  900 MW;  0000000000000000 CRC64;
     MKTAYIAK
//
"""


def parquet_bytes(columns: dict[str, list[object]]) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def number_parquet() -> bytes:
    return parquet_bytes({"pt": [1.0, 2.0, None], "n": [1, 2, 3], "y": [True, False, True]})


def npy(kind: str = "<f4") -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(6).reshape(3, 2).astype(kind))
    return file.getvalue()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.ones((3, 2)), y=np.zeros(3))
    return file.getvalue()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def zstandard(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


def hdf5(folder: Path) -> bytes:
    import h5py

    path = folder / "seed.h5"
    with h5py.File(path, "w") as file:
        file["events/pt"] = np.arange(4.0)
        file["events/eta"] = np.arange(4.0)
        file["events/n"] = np.arange(4)
    return path.read_bytes()


def root(folder: Path) -> bytes:
    import uproot

    path = folder / "seed.root"
    with uproot.recreate(path) as file:
        tree = file.mktree("events", {"pt": "f4", "n": "i4"})
        tree.extend({"pt": np.arange(4.0, dtype="f4"), "n": np.arange(4, dtype="i4")})
    return path.read_bytes()
