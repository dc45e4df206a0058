"""Which sequences pass, and what is said of the others."""

import pytest

from sma_protein.sequences import LETTERS, check_sequences


def test_every_allowed_letter_passes():
    assert check_sequences([LETTERS, *LETTERS]) == [None] * (1 + len(LETTERS))
    assert len(set(LETTERS)) == 27


@pytest.mark.parametrize(
    ("sequence", "reason"),
    [
        ("", "no residues"),
        ("MKTAYIAKQRQISFVK1HFSRQ", "letter '1' is not an amino acid: position 17"),
        ("MKT AY", "letter ' ' is not an amino acid: position 4"),
        ("MKT?", "letter '?' is not an amino acid: position 4"),
        ("Ä", "letter 'Ä' is not an amino acid: position 1"),
        ("Mé", "letter 'é' is not an amino acid: position 2"),
        ("MK\udcff", "letter '\\udcff' is not an amino acid: position 3"),
        ("MKtay", "lower-case letters: 't' at position 3"),
        ("MK-TAY", "'-' is an alignment gap: position 3"),
        ("MKTAY.", "'.' is an alignment gap: position 6"),
    ],
)
def test_the_reason_names_letter_and_position(sequence, reason):
    assert check_sequences(["MK", sequence, "AC"]) == [None, reason, None]


def test_the_normal_form_is_upper_case_without_gaps():
    from sma_core.config import DataConfig, ModelConfig
    from sma_core.feeds.feed import new_feed
    from sma_core.feeds.reading import RowReading
    from sma_core.plugins.registry import Registry
    from sma_protein.sequences import normal_sequences

    assert normal_sequences(["mk-L.v", "MK1"]) == ["MKLV", "MK1"]
    registry = Registry.load("protein")
    for on, reasons in ((True, [None, None]), (False, [None, "lower-case letters"])):
        config = DataConfig(normalise=on)
        reading = RowReading(registry, new_feed(registry, config), config, ModelConfig(max_length=64))
        (chunk,) = reading.chunks_of(["MKLV", "mk-lv"])
        assert [reason and reason.partition(":")[0] for reason in chunk.reasons] == reasons
        assert chunk.written == ["MKLV", "mk-lv"]
