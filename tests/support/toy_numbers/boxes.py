"""Boxes for the continuous toy domain: height, width, depth, weight (sometimes unknown), and noise."""

import gzip
import random
import tempfile
from pathlib import Path

HEADER = "heavy,shape,volume,height,width,depth,weight,noise\n"


def make_boxes(count, seed):
    draw = random.Random(seed)
    lines = []
    for _ in range(count):
        height, width, depth = (draw.uniform(1, 9) for _ in range(3))
        weight = height * width * depth / 10 + draw.gauss(0, 1)
        shape = "tall" if height > 6 else "middling" if height > 3 else "flat"
        shown = -999.0 if draw.random() < 0.1 else weight
        values = (height, width, depth, shown, draw.gauss(500, 100))
        cells = [
            str(int(weight > 10)),
            shape,
            f"{height * width * depth:.4f}",
            *(f"{value:.4f}" for value in values),
        ]
        lines.append(",".join(cells) + "\n")
    return lines


def with_header():
    path = Path(tempfile.mkdtemp(prefix="toy")) / "boxes.csv"
    path.write_text(HEADER + "".join(make_boxes(600, 1)))
    return path


def without_header():
    path = Path(tempfile.mkdtemp(prefix="toy")) / "boxes.csv.gz"
    path.write_bytes(gzip.compress("".join(make_boxes(600, 1)).encode()))
    return path
