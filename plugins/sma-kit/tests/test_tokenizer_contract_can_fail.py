"""A plugin whose tokenizer has one thing wrong fails the check for that thing."""

import re

import pytest

from tests.support.wrong_plugins import OWN, WITH_TOKENIZER, breaks, failures, only_failure

RANGE = "test_tokenizer_gives_ids_in_range_that_end_with_the_separator"


WRONG = [
    (
        "def decode(self, ids): return super().decode(ids).lower()",
        "test_tokenizer_gives_the_text_back",
        "'Ä' became 'ä'",
    ),
    (
        "def encode(self, texts): return super().encode(texts or [''])",
        "test_tokenizer_takes_an_empty_list",
        "returned 1 row for 0 rows",
    ),
    (
        "version = '2'",
        "test_tokenizer_bears_the_name_and_version_of_its_spec",
        "calls itself 'own', version '2'",
    ),
    (
        "def decode(self, ids): return bytes(n - 6 for n in ids if n > 5).decode()",
        "test_tokenizer_decodes_rows_cut_to_max_length",
        "'Ä' truncated to 2 ids",
    ),
    (
        "def character_starts(self, texts): return self.encode(texts).values > 5",
        "test_tokenizer_knows_where_characters_begin",
        "one True for every character",
    ),
    (
        "def character_counts(self, texts): return (self.encode(texts).values > 5) * 1",
        "test_tokenizer_knows_where_characters_begin",
        "counts that add up to the number of characters, and 0 at the separator",
    ),
    (
        "def character_counts(self, texts):\n"
        "        starts = self.character_starts(texts) * 1\n"
        "        starts[:2] = 0, starts[:2].sum()\n"
        "        return starts",
        "test_tokenizer_counts_characters_in_order",
        "the first 1 ids of 'apple' are 'a', but are counted as ''",
    ),
    (
        "def encode(self, texts):\n"
        "        if '' in texts: raise IndexError('empty')\n"
        "        return super().encode(texts)",
        "test_tokenizer_takes_hostile_rows",
        "must encode an empty row, or raise ValueError with a reason",
    ),
    (
        "def encode(self, texts):\n"
        "        if any('\\0' in text for text in texts): raise ValueError()\n"
        "        return super().encode(texts)",
        "test_tokenizer_takes_hostile_rows",
        "a row with a NUL byte",
    ),
    (
        "def encode(self, texts):\n"
        "        found = super().encode(texts)\n"
        "        return EncodedRows(found.values[:5000], found.offsets.clip(max=5000))",
        "test_tokenizer_takes_hostile_rows",
        "a row of 100,000 letters",
    ),
]


@pytest.fixture
def wrong(install):
    """Install the toy with a tokenizer that has this body."""
    return lambda body: install.toy(*WITH_TOKENIZER, own=OWN.format(body=body))


def test_a_good_tokenizer_holds_the_contract(wrong):
    wrong("pass")
    assert failures("test_tokenizer_works_in_another_process") == {}


@pytest.mark.parametrize(("body", "check", "said"), WRONG)
@breaks(*{check for _, check, _ in WRONG})
def test_a_tokenizer_that_is_wrong(wrong, body, check, said):
    wrong(body)
    assert said in only_failure(check)


def test_a_tokenizer_may_give_lists(wrong):
    wrong(
        "character_starts = None\n"
        "    def encode(self, texts): return [[*(byte + 6 for byte in text.encode()), 5] for text in texts]"
    )
    assert failures("test_tokenizer_works_in_another_process") == {}


def test_a_tokenizer_may_say_that_it_is_lossy(wrong):
    wrong("lossy = True\n    def decode(self, ids): return super().decode(ids).lower()")
    assert failures() == {}


REFUSING = (
    "def encode(self, texts):\n"
    "        if not all(text.isalpha() or ' ' in text for text in texts): raise ValueError('not letters')\n"
    "        return super().encode(texts)"
)


@breaks("test_tokenizer_takes_hostile_rows")
def test_a_tokenizer_that_refuses_what_the_check_lets_through(wrong):
    wrong(REFUSING)
    assert "a row of control characters, or the domain's check reject such rows: ValueError: not letters" in (
        only_failure("test_tokenizer_takes_hostile_rows")
    )


def test_a_tokenizer_may_refuse_what_never_arrives(install):
    install.toy(
        *WITH_TOKENIZER,
        ("if any(letter.isdigit() for letter in text) else", "if not text.replace(' ', '').isalpha() else"),
        own=OWN.format(body=REFUSING),
    )
    assert failures() == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "def encode(self, texts): return tuple([int(byte) + 6 for byte in text.encode()] for text in texts)",
            "not tuple",
        ),
        ("def encode(self, texts): return None", "not NoneType"),
        ("def encode(self, texts): return self.vocabulary[texts]", "has no attribute 'vocabulary'"),
    ],
)
def test_a_wrong_encode_fails_every_check_with_a_sentence(wrong, body, said):
    wrong(body)
    sentences = failures()
    assert len(sentences) > 8
    for name, sentence in sentences.items():
        assert said in sentence, name
        assert re.match(
            "encode of|the tokenizer|one training step|good_rows must|masks must|.* contract says", sentence
        )
        assert "\n" not in sentence


@breaks(RANGE)
def test_rows_that_do_not_end_with_the_separator(wrong):
    wrong("separator_id = 2")
    assert "end every row with separator_id" in failures()[RANGE]


@breaks(RANGE)
def test_ids_out_of_range(wrong):
    wrong("vocabulary_size = 100")
    assert "below its vocabulary_size" in failures()[RANGE]


@breaks("test_tokenizer_is_deterministic", "test_padding_changes_nothing", "test_special_ids_are_apart")
def test_a_tokenizer_that_pads_rows_itself(wrong):
    wrong(
        "def encode(self, texts):\n"
        "        rows = [text.encode() for text in texts]\n"
        "        longest = max(map(len, rows), default=0)\n"
        "        padded = [[*(byte + 6 for byte in row), *[0] * (longest - len(row)), 5] for row in rows]\n"
        "        import numpy as np\n"
        "        values = np.array(sum(padded, []), dtype=np.uint16)\n"
        "        return EncodedRows(values, np.arange(len(rows) + 1) * (longest + 1))"
    )
    found = failures()
    assert "'apple' the same ids each time" in found["test_tokenizer_is_deterministic"]
    assert "leave padding to the core" in found["test_padding_changes_nothing"]
    assert "gives pad_id inside 'apple'" in found["test_special_ids_are_apart"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("mask_id = 0", "must be different ids"),
        ("mask_id = 300", "mask_id of the tokenizer 'own' must be below vocabulary_size, not 300"),
        ("mask_id = 118", "gives mask_id inside"),
    ],
)
@breaks("test_special_ids_are_apart")
def test_special_ids_that_are_not_apart(wrong, body, said):
    wrong(body)
    assert said in only_failure("test_special_ids_are_apart")


@breaks("test_tokenizer_knows_where_characters_begin")
def test_a_task_for_every_position_needs_to_know_characters(install):
    install.toy(
        *WITH_TOKENIZER,
        ('kind="regression", metric="rmse"', 'kind="per-position", metric="accuracy"'),
        own=OWN.format(body="character_starts = None")
        .replace("(ByteTokenizer)", "(Hidden)")
        .replace(
            "class Wrong",
            "Hidden = type('Hidden', (), {k: v for k, v in vars(ByteTokenizer).items() if k not in "
            "('character_starts', '__dict__', '__weakref__')})\n\nclass Wrong",
        )
        .replace("    character_starts = None\n", ""),
    )
    assert "needs character_starts" in failures()["test_tokenizer_knows_where_characters_begin"]


@pytest.mark.parametrize(
    ("there", "said"),
    [("raise RuntimeError('not here')", "spawned process"), ("texts = texts[::-1]", "do not use hash()")],
)
@breaks("test_tokenizer_works_in_another_process")
def test_a_tokenizer_that_knows_only_its_own_process(wrong, there, said):
    wrong(
        "def encode(self, texts):\n"
        f"        if multiprocessing.parent_process(): {there}\n"
        "        return super().encode(texts)"
    )
    assert said in only_failure("test_tokenizer_works_in_another_process")
