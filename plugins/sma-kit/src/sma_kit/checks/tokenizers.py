"""Contract checks of the plugin's tokenizers and of the domain's default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sma_core.plugins.specs import Task, Tokenizer
from sma_kit.checks import hostile, worker_process
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail, skip

if TYPE_CHECKING:
    from sma_core.data.tokenizers import DiscreteTokenizer, EncodedRows

CUTS = 40
UNICODE = "ä 漢 🙂"


class TokenizerChecks(Subject):
    """Checks of ids, special ids, round trip, determinism, malformed rows and truncation."""

    def test_tokenizer_gives_ids_in_range_that_end_with_the_separator(self) -> None:
        """All ids are below vocabulary_size, and each row, also of unicode, ends with separator_id."""
        for spec, tokenizer in self._tokenizers():
            rows = self._rows_to_encode(spec)
            advice = f"the tokenizer {spec.name!r} must encode {UNICODE!r}, or the domain's check reject it"
            encoded = self._encoded(tokenizer, rows, advice)
            _check_ids(tokenizer, rows, encoded)

    def test_special_ids_are_apart(self) -> None:
        """The ids for padding, separator and mask are distinct ids of the vocabulary that no text contains."""
        for spec, tokenizer in self._tokenizers():
            named = {"pad_id": tokenizer.pad_id, "separator_id": tokenizer.separator_id}
            if tokenizer.mask_id is not None:
                named["mask_id"] = tokenizer.mask_id
            for name, value in named.items():
                if not 0 <= value < tokenizer.vocabulary_size:
                    fail(f"{name} of the tokenizer {spec.name!r} must be below vocabulary_size, not {value}")
            if len(set(named.values())) < len(named):
                fail(f"{', '.join(named)} of the tokenizer {spec.name!r} must be different ids: {named}")
            rows = self._rows_for(spec)
            encoded = self._encoded(tokenizer, rows)
            for index, text in enumerate(rows):
                used = set(encoded[index].tolist()[:-1])
                for name in named:
                    if named[name] in used:
                        fail(
                            f"the tokenizer {spec.name!r} gives {name} inside {text!r}: padding is added by the "
                            "core and is not an input, and no text may contain "
                            "a special id"
                        )

    def test_tokenizer_gives_the_text_back(self) -> None:
        """decode(encode(row)) is the row, for good rows; of a lossy tokenizer it is any text."""
        from sma_core.data.tokenizers import is_lossy

        for spec, tokenizer in self._tokenizers():
            rows = self._rows_for(spec)
            encoded = self._encoded(tokenizer, rows)
            for index, text in enumerate(rows):
                back = tokenizer.decode(encoded[index])
                if not isinstance(back, str):
                    fail(f"decode of the tokenizer {spec.name!r} must return a str, not {type(back).__name__}")
                if back != text and not is_lossy(tokenizer):
                    fail(
                        f"the tokenizer's decode must give the text back: {text!r} became {back!r}; one that "
                        "cannot has the attribute lossy = True"
                    )

    def test_tokenizer_is_deterministic(self) -> None:
        """The ids of a row depend only on the row, not on its neighbours."""
        for (spec, tokenizer), (_, second) in zip(self._tokenizers(), self._tokenizers(), strict=True):
            rows = self._rows_for(spec)
            together, again = self._encoded(tokenizer, rows), self._encoded(second, rows)
            for index, text in enumerate(rows):
                alone = self._encoded(tokenizer, [text])[0].tolist()
                if not together[index].tolist() == again[index].tolist() == alone:
                    fail(f"the tokenizer must give {text!r} the same ids each time, alone and with other rows")

    def test_tokenizer_takes_an_empty_list(self) -> None:
        """Encoding an empty list returns no rows."""
        for _, tokenizer in self._tokenizers():
            encoded = self._encoded(tokenizer, [], "the tokenizer's encode must take an empty list")
            if len(encoded) or encoded.offsets.tolist() != [0]:
                fail("the tokenizer's encode([]) must give no values and the offsets [0]")

    def test_tokenizer_takes_hostile_rows(self) -> None:
        """Rows accepted by readers and check are encoded; for other rows encode may raise ValueError."""
        from sma_core.data.encoded_rows import encoded_rows

        for spec, tokenizer in self._tokenizers():
            for words, text in (hostile.TEXTS | hostile.UNDECODABLE).items():
                arrives = self._arrives(text)
                what = f"the tokenizer {spec.name!r} must encode {words}, " + (
                    "or the domain's check reject such rows" if arrives else "or raise ValueError with a reason"
                )
                with explained(what):
                    try:
                        result: object = tokenizer.encode([text])
                    except ValueError as error:
                        if arrives or not str(error).strip():
                            raise
                        continue
                    row = f"{text[:20]}… ({words})"
                    encoded = encoded_rows(result, 1, f"the tokenizer {spec.name!r}", [row].__getitem__)
                    _check_ids(tokenizer, [row], encoded)

    def test_tokenizer_decodes_rows_cut_to_max_length(self) -> None:
        """The ids of a truncated row can still be decoded."""
        from sma_core.data.tokenizers import shorten

        for spec, tokenizer in self._tokenizers():
            rows = self._rows_to_encode(spec)
            encoded = self._encoded(tokenizer, rows)
            longest = int(encoded.lengths.max())
            for most in range(1, min(longest, CUTS) + 1):
                cut = shorten(encoded, most, tokenizer.separator_id)
                for index, text in enumerate(rows):
                    with explained(
                        f"decode of the tokenizer {spec.name!r} must accept {text!r} truncated to {most} ids"
                    ):
                        back = tokenizer.decode(cut[index])
                    if not isinstance(back, str):
                        fail(f"decode of the tokenizer {spec.name!r} must return a str, not {type(back).__name__}")

    def test_tokenizer_bears_the_name_and_version_of_its_spec(self) -> None:
        """The tokenizer's name and version, recorded in stores and runs, are those of its spec."""
        for spec, tokenizer in self._tokenizers():
            identity = (tokenizer.name, tokenizer.version)
            if identity != (spec.name, spec.version):
                fail(
                    f"the tokenizer of the spec {spec.name!r}, version {spec.version!r}, calls itself "
                    f"{identity[0]!r}, version {identity[1]!r}: make them equal, since runs and stores record them"
                )

    def test_tokenizer_knows_where_characters_begin(self) -> None:
        """All characters of a row are counted at its ids; tasks with labels of positions need it.

        By character_counts, or by character_starts, which is True for one id of each character.
        """
        registry = self._registry()
        needed = any(task.kind == "per-position" for task in registry.specs(Task))
        able = 0
        for spec, tokenizer in self._tokenizers():
            method = _character_method(tokenizer)
            if method is None:
                if needed and spec.name == registry.domain.tokenizer:
                    fail(
                        f"the tokenizer {spec.name!r} needs character_starts, or character_counts if an id may "
                        "stand for several characters: a task has labels for every position"
                    )
                continue
            able += 1
            for text in self._rows_to_encode(spec):
                ids = self._encoded(tokenizer, [text])[0].tolist()
                counts = getattr(tokenizer, method)([text]).tolist()
                if len(counts) != len(ids) or sum(counts) != len(text) or counts[-1] or min(counts) < 0:
                    starts = method == "character_starts"
                    what = "one True for every character and False"
                    fail(
                        f"{method} of the tokenizer {spec.name!r} must have "
                        f"{what if starts else 'counts that add up to the number of characters, and 0'} at the "
                        f"separator; for {text!r} it has {sum(counts)} in {len(counts)}"
                    )
        if not able:
            skip("no tokenizer has character_starts or character_counts, and no task needs it")

    def test_tokenizer_counts_characters_in_order(self) -> None:
        """The first ids decode to the characters counted at them, at the end of each character, unless lossy."""
        from sma_core.data.tokenizers import is_lossy

        able = 0
        for spec, tokenizer in self._tokenizers():
            method = _character_method(tokenizer)
            if method is None or is_lossy(tokenizer):
                continue
            able += 1
            for text in self._rows_to_encode(spec):
                ids = self._encoded(tokenizer, [text])[0]
                counts = [int(count) for count in getattr(tokenizer, method)([text]).tolist()]
                if sum(counts) != len(text):
                    continue  # which another check tells
                ends = [at for at in range(1, min(len(counts), CUTS)) if counts[at]]  # before the next character
                for end in ends:
                    counted, decoded = text[: sum(counts[:end])], tokenizer.decode(ids[:end])
                    if decoded.strip() != counted.strip():
                        fail(
                            f"{method} of the tokenizer {spec.name!r} must count the characters of each id: the "
                            f"first {end} ids of {text!r} are {decoded!r}, but are counted as {counted!r}"
                        )
        if not able:
            skip("no tokenizer that gives the text back has character_starts or character_counts")

    def test_tokenizer_works_in_another_process(self) -> None:
        """A spawned process can build the tokenizer by reference and gets the same ids."""
        for spec, tokenizer in self._tokenizers():
            rows = self._rows_for(spec)
            with explained(f"{spec.factory} must work in a spawned process"):
                there = worker_process.in_new_process(worker_process.ids, spec.factory, rows)
            encoded = self._encoded(tokenizer, rows)
            if there != [encoded[at].tolist() for at in range(len(rows))]:
                fail(f"{spec.factory} must give the same ids in another process: do not use hash() of a text")

    def _rows_to_encode(self, spec: Tokenizer) -> list[str]:
        """Return good rows, and a row of unicode if the domain accepts it."""
        return [*self._rows_for(spec), *([UNICODE] if self._arrives(UNICODE) else [])]

    def _arrives(self, text: str) -> bool:
        """Whether readers and the domain's check accept this row, so that it reaches a tokenizer."""
        from sma_core.data.records import Row, row_or_rejected

        check = self._registry().domain.check
        if not isinstance(row_or_rejected(1, text), Row):
            return False
        return check is None or self._answers(check, [text]) == [None]


def _character_method(tokenizer: DiscreteTokenizer) -> str | None:
    """Return the name of the method that tells the characters of ids, None for a tokenizer without one."""
    from sma_core.data.tokenizers import CharacterTokenizer, SpanTokenizer

    if isinstance(tokenizer, SpanTokenizer):
        return "character_counts"
    return "character_starts" if isinstance(tokenizer, CharacterTokenizer) else None


def _check_ids(tokenizer: DiscreteTokenizer, rows: list[str], encoded: EncodedRows) -> None:
    """Check the ids of all rows: number of rows, range, and final separator."""
    for index, text in enumerate(rows):
        ids = encoded[index].tolist()
        if not ids or ids[-1] != tokenizer.separator_id:
            fail(f"the tokenizer must end every row with separator_id; the ids of {text!r} do not")
        if min(ids) < 0 or max(ids) >= tokenizer.vocabulary_size:
            fail(f"the tokenizer's ids must be below vocabulary_size; those of {text!r} go to {max(ids)}")
