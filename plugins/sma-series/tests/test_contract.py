"""The contract that every domain holds to."""

from sma_kit import DomainContract


class TestSeries(DomainContract):
    domain = "series"
