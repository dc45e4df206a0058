"""Strategies: valid content that is changed, cut and spliced, and noise."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st

TOKENS = [
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b"\r", b"\r\n", b"\n\n\n", b",", b"\t", b";", b"\x80"),
    *(b"nan", b"-inf", b"1e999", b"9" * 5000, b"-1", b"0", b"{", b"[" * 5000, b"null", b"true", b'"a":{'),
    *("²".encode(), "\u202e".encode(), "\ud7ff".encode(), b"=1+1", b"../", b"%s", b"\x00" * 8, b"\xff" * 8),
    b"\x1b[31m",
]


def contents(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Draw a file's content: one of ``seeds`` with some changes, or noise.

    Only the number of a random generator is drawn, which is much faster than drawing each change.
    """
    return st.integers(0, (1 << 32) - 1).map(lambda number: _content(Random(number), list(seeds)))


def _content(random: Random, seeds: list[bytes]) -> bytes:
    if random.random() < 0.1:
        return random.randbytes(random.randrange(300))
    content = random.choice(seeds)
    for _ in range(random.randint(1, 4)):
        content = _changed(random, content, seeds)
    return content


def _changed(random: Random, content: bytes, seeds: list[bytes]) -> bytes:
    start = random.randint(0, len(content))
    stop = min(len(content), start + random.randint(0, 64))
    before, inner, after = content[:start], content[start:stop], content[stop:]
    change = random.choice(["byte", "cut", "remove", "repeat", "token", "noise", "splice"])
    if change == "byte" and inner:
        return before + bytes([inner[0] ^ (1 << random.randrange(8))]) + inner[1:] + after
    if change == "cut":
        return before
    if change == "remove":
        return before + after
    if change == "repeat":
        return before + inner * random.randint(2, 50) + after
    if change == "token":
        return before + random.choice(TOKENS) + after
    if change == "noise":
        return before + random.randbytes(random.randrange(32)) + after
    other = random.choice(seeds)
    return before + other[random.randint(0, len(other)) :]


VALUES = [
    *("", "none", "true", "-1", "0", "1", "2", "0.5", "1e-320", "1e308", "inf", "-inf", "nan", "9" * 5000, "[]"),
    *("1000000000", "18446744073709551616", "-9223372036854775809", "[[]]", "{}", "{a=1}", "'", '"x"', "a,b"),
    *("[1, 'a']", "[" * 5000, "2020-01-01", "0x10", "1_000", "\x00", "\ud800", "²", "../..", "/dev/null", "~"),
    *("auto", "random", "guided", "mean", "bf16", "cpu", "chem", "tiny", "1979-05-27T07:32:00Z", "a\nb=1", "%s"),
]


def values() -> st.SearchStrategy[str]:
    """Draw the text of a setting's value."""
    return st.sampled_from(VALUES) | st.text(max_size=20) | st.integers().map(str) | st.floats().map(str)
