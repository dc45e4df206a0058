"""The contract that every domain holds to."""

from sma_kit import DomainContract


class TestChem(DomainContract):
    domain = "chem"
    good_rows = ("CCO", "c1ccccc1", "C[C@@H](N)C(=O)O", "[Na+].[Cl-]", "CC(=O)Oc1ccccc1C(=O)O")
    bad_rows = ("", "C1CC", "CCO ethanol", "C(C)(C)(C)(C)C")
