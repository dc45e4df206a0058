"""Write a file of toy events: ``python -m sma_physics.toy OUT --events N --seed S``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sma_core.errors import UserError
from sma_core.printable import message_text
from sma_physics.toy.files import ENDINGS, SHIPPED_EVENTS, write_events


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file; return 0, or 2 after an error that the user can fix."""
    parser = argparse.ArgumentParser(prog="python -m sma_physics.toy", description="Write simulated toy events.")
    parser.add_argument("out", type=Path, help=f"output file ({', '.join(ENDINGS)})")
    parser.add_argument("--events", type=int, default=SHIPPED_EVENTS, help="number of events (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="random seed (%(default)s)")
    parser.add_argument("--force", action="store_true", help="replace an output file that exists")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    try:
        write_events(options.out, options.events, options.seed, options.force)
    except (UserError, OSError) as error:
        print(f"error: {message_text(error)}", file=sys.stderr)
        return 2
    seconds = time.perf_counter() - start
    print(f"wrote {options.events:,} toy events to {options.out} in {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
