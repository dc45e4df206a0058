"""The contract that every domain holds to."""

from sma_kit import DomainContract


class TestImage(DomainContract):
    domain = "image"
