"""The contract that every domain holds to."""

from sma_core.testing import DomainContract


class TestPhysics(DomainContract):
    domain = "physics"
