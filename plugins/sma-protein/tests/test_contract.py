"""The contract that every domain holds to."""

from sma_kit import DomainContract


class TestProtein(DomainContract):
    domain = "protein"
    good_rows = ("MKTAYIAKQRQISFVKSHFSRQ", "M", "ACDEFGHIKLMNPQRSTVWY", "MUOXBZJ*", "GSHMASMTGGQQMGRGSEF")
    bad_rows = ("", "MKT1AY", "mktayiak", "MK-TAY", "MKT AY", "MKTÄ")
