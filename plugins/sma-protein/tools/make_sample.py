"""Make the sample that ships with this plugin from a FASTA file of Swiss-Prot.

    python tools/make_sample.py goasp.fasta src/sma_protein/data/swissprot_sample.fasta.gz

Sequences of 30 to 512 residues that pass the check are kept, each once. The 3,000 with the smallest
SHA-256 of their letters make the sample, in that order: the choice depends on the sequences alone, not on
how the file is sorted, and the same file gives the same bytes. A name is what stands before the first
``|`` or space: the accession, in files of the kind that the README beside the sample describes.
"""

from __future__ import annotations

import gzip
import hashlib
import heapq
import sys
from collections.abc import Iterator
from pathlib import Path

from Bio.SeqIO.FastaIO import SimpleFastaParser

from sma_protein.sequences import check_sequences

COUNT = 3000
SHORTEST, LONGEST = 30, 512


def main() -> None:
    """Read the file named first, write the sample to the one named second."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: python tools/make_sample.py SWISSPROT.fasta SAMPLE.fasta.gz")
    chosen = heapq.nsmallest(COUNT, _usable(Path(sys.argv[1])))
    text = "".join(f">{name}\n{sequence}\n" for _, name, sequence in chosen)
    Path(sys.argv[2]).write_bytes(gzip.compress(text.encode("ascii"), compresslevel=9, mtime=0))
    print(f"{len(chosen):,} sequences, {sum(len(sequence) for _, _, sequence in chosen):,} residues")


def _usable(path: Path) -> Iterator[tuple[bytes, str, str]]:
    """Yield digest, name and letters of each sequence that may be chosen."""
    seen: set[bytes] = set()
    with path.open(encoding="utf-8") as file:
        for title, sequence in SimpleFastaParser(file):
            if not SHORTEST <= len(sequence) <= LONGEST or check_sequences([sequence]) != [None]:
                continue
            digest = hashlib.sha256(sequence.encode("ascii")).digest()
            if digest not in seen:
                seen.add(digest)
                yield digest, title.partition("|")[0].split()[0], sequence


if __name__ == "__main__":
    main()
