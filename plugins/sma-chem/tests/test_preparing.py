"""The bundled sets go all the way into stores."""

import numpy as np

from sma_chem.bundled import freesolv, nci
from sma_chem.plugin import COLUMNS
from sma_chem.scaffolds import scaffold_split
from sma_chem.smi import read_smi
from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import PrepareRequest
from sma_core.data.readers.csv import read_csv
from sma_core.data.tokenizers import ByteTokenizer

CHECK = "sma_chem.molecules:check_smiles"


def test_nci_becomes_two_stores(tmp_path):
    request = PrepareRequest(
        source=nci(),
        reader=read_smi,
        reader_name="smi",
        tokenizer=ByteTokenizer(),
        cache=tmp_path,
        max_length=256,
        check=CHECK,
        processes=1,
    )
    summary = prepare(request).summary
    assert (summary.rows, summary.shortened) == (4999, 1)
    assert 1 <= summary.rejected <= 8  # which molecules are refused changes with RDKit
    assert summary.longest == 256
    assert set(summary.reasons) <= {"no molecule", "RDKit cannot parse the SMILES"}


def test_freesolv_becomes_a_labelled_store_that_can_be_split(tmp_path):
    request = PrepareRequest(
        source=freesolv(),
        reader=read_csv,
        reader_name="csv",
        tokenizer=ByteTokenizer(),
        cache=tmp_path,
        max_length=256,
        usual_columns=COLUMNS,
        check=CHECK,
        targets=("expt",),
        keep_text=True,
        processes=1,
    )
    store = prepare(request).open()
    assert store.targets.shape == (642, 1)
    assert np.isclose(store.targets.mean(), -3.80, atol=0.01)
    parts = scaffold_split(store.texts, 0.1, 0.1)
    assert [len(part) for part in parts] == [513, 64, 65]
