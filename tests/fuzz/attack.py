"""Run the inputs of a target, bounded in number and time, and count them."""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.targets import Target

EXAMPLES = 300
"""Usual number of inputs for a target."""
SECONDS = 20.0
"""Time after which a target gets no more inputs."""


@dataclass
class Count:
    """Numbers of inputs that were tried and accepted."""

    target: str
    tried: int = 0
    accepted: int = 0


def attack(target: Target, examples: int = EXAMPLES, seconds: float = SECONDS) -> Count:
    """Try inputs, the same in each call as long as time suffices; raises what is not an error of the program."""
    count, end = Count(target.name), time.monotonic() + seconds
    folder = Path(tempfile.mkdtemp())

    @seed(0)
    @settings(
        max_examples=max(1, round(examples * target.share)),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def run(drawn: Any) -> None:
        if time.monotonic() > end:
            return
        count.tried += 1
        count.accepted += target.attack(folder, drawn)

    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run()
    finally:
        logging.disable(logging.NOTSET)
    return count
