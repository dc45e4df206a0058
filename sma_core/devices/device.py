"""Choose device and precision."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Literal

import torch

from sma_core.config.training import Precision
from sma_core.errors import ConfigError

logger = logging.getLogger("sma")

FixedPrecision = Literal["fp32", "bf16", "fp16"]
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """Return the device of ``training.device``; raises `ConfigError` if it is unavailable."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"training.device {name!r} is invalid: use auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"training.device {name!r} is not supported: use auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError("training.device is cuda, but this machine has no usable CUDA device: use cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"there is no {name}: this machine has {torch.cuda.device_count()} CUDA devices")
    return device


def choose_precision(name: Precision, device: torch.device, setting: str = "training.precision") -> FixedPrecision:
    """Resolve ``auto``: bf16 if the hardware supports it natively, else fp32.

    Raises `ConfigError`, naming ``setting``, for a precision that the device does not support.
    """
    if name != "auto":
        if name == "fp16" and device.type == "cpu":
            raise ConfigError(f"{setting} fp16 requires a GPU: use bf16 or fp32 on the CPU")
        return name
    return "bf16" if is_native("bf16", device) else "fp32"


def is_native(precision: FixedPrecision, device: torch.device) -> bool:
    """Return whether the device supports a precision natively; torch emulates others, many times slower."""
    if precision == "fp32":
        return True
    if device.type == "cuda":
        return precision == "fp16" or torch.cuda.is_bf16_supported(including_emulation=False)
    return precision == "bf16" and _cpu_multiplies_bf16()


def warn_of_emulation(precision: FixedPrecision, device: torch.device, advice: str) -> None:
    """Log a warning if the device only emulates ``precision``."""
    if not is_native(precision, device):
        logger.warning("this %s only emulates %s, many times slower than fp32: %s", device.type, precision, advice)


def _cpu_multiplies_bf16() -> bool:
    """Return whether the processor has AVX512-BF16 or AMX; False if unknown."""
    queries = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in queries)


def autocast(device: torch.device, precision: FixedPrecision) -> AbstractContextManager[object]:
    """Return the autocast context for forward passes; parameters and optimiser state stay in fp32."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's generators within the context, and restore them afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
