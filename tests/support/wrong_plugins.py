"""What the self-tests of the contract share: plugins with one thing wrong, and the checks that must find it."""

import functools

import pytest

from sma_kit import DomainContract

CHECKS = sorted(name for name in dir(DomainContract) if name.startswith("test_"))
SLOW = {
    *(name for name in CHECKS if name.endswith("work_in_another_process") or "works_in_another" in name),
    *(name for name in CHECKS if "heads" in name),
    "test_entry_module_imports_nothing_heavy",
    "test_a_stopped_run_goes_on_to_the_same_weights",
    "test_training_lowers_the_loss_of_one_batch",
}
"""Checks that are looked at only where they are the ones that should fail."""
PROVEN = set()
"""Names of the checks that a test is marked to break."""
_seen = []


class Toy(DomainContract):
    domain = "toy"
    good_rows = ("apple", "pear tree", "Ä")
    bad_rows = ("b4d",)


class ToyNumbers(DomainContract):
    domain = "toy"


def breaks(*names):
    """Mark a test whose plugin breaks these checks; it fails when one of them never failed in it.

    A test with a parameter ``check`` breaks that one of them.
    """
    assert set(names) <= set(CHECKS), names
    PROVEN.update(names)

    def decorate(test):
        @functools.wraps(test)
        def wrapped(*arguments, **named):
            _seen.clear()
            test(*arguments, **named)
            missing = {named["check"]} if "check" in named else set(names)
            assert missing <= set(names)
            assert missing <= set(_seen), f"{missing - set(_seen)} did not fail"

        return wrapped

    return decorate


def failures(*also, contract=Toy):
    """Name -> sentence of every quick check, and of those named, that fails; other errors go through."""
    return {name: said for name in CHECKS if name not in SLOW or name in also if (said := failure(name, contract))}


def failure(name, contract=Toy):
    """The sentence of one check, empty when it does not fail."""
    try:
        getattr(contract(), name)()
    except pytest.fail.Exception as failure:
        _seen.append(name)
        return str(failure)
    except pytest.skip.Exception:
        pass
    return ""


def only_failure(name, contract=Toy):
    """The sentence of a check that fails, where no other quick one does."""
    found = failures(name, contract=contract)
    assert list(found) == [name], found
    assert "\n" not in found[name]
    return found[name]


def with_part(hook, spec, **domain):
    """Changes to the toy: a hook that gives ``spec``, and fields of the domain."""
    hooks = f"@hookimpl\ndef {hook}():\n    return [{spec}]\n\n@hookimpl\ndef sma_datasets"
    changes = [("@hookimpl\ndef sma_datasets", hooks)]
    known = {"tokenizer": "bytes", "reader": "lines"}
    return [*changes, *((f'{field}="{known[field]}"', f'{field}="{value}"') for field, value in domain.items())]


OWN = """
'''A tokenizer.'''
import multiprocessing
from sma_core.data.tokenizers import ByteTokenizer, EncodedRows

class Wrong(ByteTokenizer):
    name = "own"
    {body}
"""
WITH_TOKENIZER = with_part(
    "sma_tokenizers", 'Tokenizer(name="own", summary="Wrong", factory="toy_plugin.own:Wrong")', tokenizer="own"
)
WITH_READER = [
    *with_part(
        "sma_readers",
        'Reader(name="own", summary="Wrong", factory="toy_plugin.own:read", suffixes=(".words",))',
        reader="own",
    ),
    ('parts:words"', 'parts:words", reader="own"'),
]
WITH_SPLITTER = with_part("sma_splitters", 'Splitter(name="own", summary="Wrong", factory="toy_plugin.own:split")')
WITH_HEAD = with_part("sma_heads", 'Head(name="own", summary="Wrong", factory="toy_plugin.own:Wrong")')
