"""Words for the toy domain, written once to the system's temporary folder."""

import csv
import random
import tempfile
from pathlib import Path

SYLLABLES = ("ka", "to", "mi", "re", "su", "lan", "dor", "vex", "qui")


def make_words(count, seed):
    draw = random.Random(seed)
    return ["".join(draw.choices(SYLLABLES, k=draw.randint(2, 9))) for _ in range(count)]


def check_words(texts):
    return [None if text.isalpha() else "not letters only" for text in texts]


def plain_words():
    return _file("toy-words.txt", "".join(f"{word}\n" for word in make_words(600, 1)))


def labelled_words():
    path = Path(tempfile.mkdtemp(prefix="toy")) / "labelled.csv"
    return write_labelled(path, make_words(200, 2))


def write_labelled(path, words):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["word", "vowels", "long", "has_a", "first", "marks", "counts"])
        for number, word in enumerate(words):
            vowels = sum(word.count(letter) for letter in "aeiou")
            has_a = "" if number % 10 == 0 else int("a" in word)
            marks = "".join("V" if letter in "aeiou" else "C" for letter in word)
            counts = "".join("0" if letter == "k" else "1" for letter in word)
            writer.writerow([word, vowels, int(len(word) > 12), has_a, word[:2], marks, counts])
    return path


def _file(name, text):
    path = Path(tempfile.mkdtemp(prefix="toy")) / name
    path.write_text(text)
    return path
