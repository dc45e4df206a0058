"""Random resized crops and flips of pictures, for fine-tuning; off unless `training.augmentation` names them.

Shapes: B pictures, N padded number of pixels, C channels, H rows and W columns of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from sma_core.config.models import ModelConfig
from sma_core.errors import ConfigError

_RANGES = {"smallest_area": (0.0, 1.0), "largest_ratio": (1.0, math.inf), "flip": (0.0, 1.0)}


def crop_and_flip(
    model: ModelConfig, options: Mapping[str, bool | int | float | str]
) -> Callable[[Tensor, Tensor, torch.Generator], Tensor]:
    """Return a function that crops each picture at random, scales the crop to the grid, and flips some.

    Options: ``smallest_area`` (0.25), the share of the picture's area that a crop has at least; ``largest_ratio``
    (4/3), the largest ratio of its longer to its shorter side, relative to the picture's; ``flip`` (0.5), the
    probability that left and right are exchanged. Raises `ConfigError` when the model has no grid of two axes, and
    for unknown options.
    """
    if model.grid is None or len(model.grid) != 2:
        raise ConfigError("the augmentation crop-and-flip needs model.grid=[ROWS,COLUMNS]")
    values = {"smallest_area": 0.25, "largest_ratio": 4 / 3, "flip": 0.5}
    for name, value in options.items():
        lowest, highest = _RANGES.get(name, (math.nan, math.nan))
        if not isinstance(value, int | float) or not lowest <= value <= highest:
            known = ", ".join(f"{option} from {low:g} to {high:g}" for option, (low, high) in _RANGES.items())
            raise ConfigError(f"training.augmentation_options.{name} cannot be {value!r}: there are {known}")
        values[name] = float(value)
    rows, columns = model.grid

    def augment(inputs: Tensor, padding_mask: Tensor, generator: torch.Generator) -> Tensor:
        pixels = rows * columns
        if inputs.shape[1] < pixels:  # smaller pictures than the grid have other rows
            return inputs
        pictures = inputs[:, :pixels].reshape(len(inputs), rows, columns, -1).movedim(3, 1)  # to (B, C, H, W)
        affine = _affine(len(inputs), values, generator).to(inputs)
        grid = F.affine_grid(affine, list(pictures.shape), align_corners=False)  # (B, H, W, 2)
        cropped = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
        changed = cropped.movedim(1, 3).flatten(1, 2)  # (B, C, H, W) -> (B, H * W, C)
        return torch.cat((changed, inputs[:, pixels:]), dim=1)

    return augment


def _affine(count: int, options: Mapping[str, float], generator: torch.Generator) -> Tensor:
    """Draw maps ``(B, 2, 3)`` from places on the result to places on the picture, both from -1 to 1."""

    def draw() -> Tensor:
        return torch.rand(count, generator=generator, device=generator.device)

    area = options["smallest_area"] + (1 - options["smallest_area"]) * draw()
    ratio = torch.exp((2 * draw() - 1) * math.log(options["largest_ratio"]))
    width, height = (area * ratio).sqrt().clamp(max=1.0), (area / ratio).sqrt().clamp(max=1.0)
    left, top = (2 * draw() - 1) * (1 - width), (2 * draw() - 1) * (1 - height)  # centres of the crops
    sign = torch.where(draw() < options["flip"], -1.0, 1.0)
    zero = torch.zeros_like(width)
    return torch.stack((torch.stack((width * sign, zero, left), 1), torch.stack((zero, height, top), 1)), 1)
