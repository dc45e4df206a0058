"""Readers, run folders, caches and settings take damaged and random input: success, or an error of the program."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from sma_core.errors import DataError
from sma_core.plugins.discovery import PluginPolicy, installed_plugins
from tests.fuzz.attack import attack
from tests.fuzz.targets import Target, all_targets


def pytest_generate_tests(metafunc):
    """Make the targets, which takes seconds, only where they are attacked."""
    if "target" in metafunc.fixturenames:
        names = {plugin.name for plugin in installed_plugins(PluginPolicy())} | {"toy", "toy-numbers"}
        targets = [] if metafunc.config.option.markexpr == "not full" else all_targets(sorted(names))
        metafunc.parametrize("target", targets, ids=[target.name for target in targets])


@pytest.mark.full
def test_no_input_ends_in_another_error(toy, target):
    assert attack(target).tried > 0


def test_another_error_is_raised_and_errors_of_the_program_are_counted(tmp_path):
    def use(folder, number):
        if number > 5_000:
            raise DataError("too large")
        if number == 7:
            raise KeyError(number)

    count = attack(Target("numbers", st.integers(8, 10_000), use))
    assert 0 < count.accepted < count.tried == 300
    with pytest.raises(KeyError):
        attack(Target("numbers", st.integers(0, 20), use))


@pytest.mark.parametrize("message", ["x" * 5000, "9" * 100_000])
def test_no_message_is_endless(message):
    assert len(str(DataError(message))) < 2100
