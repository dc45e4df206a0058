"""The split of sequences by similarity."""

from __future__ import annotations

import numpy as np

from sma_protein.similarity import similarity


def test_variants_of_one_sequence_stay_together():
    draw = np.random.default_rng(0)
    families = ["".join(draw.choice(list("ACDEFGHIKLMNPQRSTVWY"), 60)) for _ in range(30)]
    rows, numbers = [], []
    for number, family in enumerate(families):
        for place in range(5):
            rows.append(family[: place * 7] + "A" + family[place * 7 + 1 :])
            numbers.append(number)
    parts = similarity([*rows, "MA"], 0.2, 0.2, 0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(rows) + 1))
    found = [{numbers[row] for row in part.tolist() if row < len(rows)} for part in parts]
    assert all(found)
    assert sum(map(len, found)) == len(families)
