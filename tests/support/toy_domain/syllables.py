"""A tokenizer of which an id stands for several characters, or for a byte of one."""

import re

import numpy as np

from sma_core.data.tokenizers import EncodedRows
from toy_domain.words import SYLLABLES

PAD, SEP, MASK, FIRST = range(4)
BYTES = FIRST + len(SYLLABLES)
_PIECE = re.compile("|".join([*SYLLABLES, "."]), re.DOTALL)


class SyllableTokenizer:
    """A syllable of the toy language is one id; another character has an id for each of its bytes."""

    name, version = "syllables", "1"
    vocabulary_size = BYTES + 256
    pad_id, separator_id, mask_id = PAD, SEP, MASK

    def encode(self, texts):
        rows = [[id_ for piece in _PIECE.findall(text) for id_ in _ids(piece)] + [SEP] for text in texts]
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return EncodedRows(np.array([id_ for row in rows for id_ in row], dtype=np.uint16), offsets)

    def character_counts(self, texts):
        counts = []
        for text in texts:
            for piece in _PIECE.findall(text):
                counts += [len(piece)] + [0] * (len(_ids(piece)) - 1)
            counts.append(0)
        return np.array(counts, dtype=np.int64)

    def decode(self, ids):
        parts = [
            SYLLABLES[id_ - FIRST].encode() if id_ < BYTES else bytes([id_ - BYTES])
            for id_ in np.asarray(ids).tolist()
            if id_ >= FIRST
        ]
        return b"".join(parts).decode("utf-8", "replace")


def _ids(piece):
    if piece in SYLLABLES:
        return [FIRST + SYLLABLES.index(piece)]
    return [BYTES + byte for byte in piece.encode()]
