"""Random crops and flips of pictures, which fine-tuning uses only if it is told to."""

from __future__ import annotations

import pytest
import torch

import sma_core
from sma_core.config import ModelConfig
from sma_core.errors import ConfigError, StoppedOnRequest
from sma_image.augmentations import crop_and_flip
from tests.support.runs import latest_weights, same, stop_at

MODEL = ModelConfig(positions="axes", grid=(4, 6), max_length=24)
PIXELS = torch.arange(24.0).view(1, 24, 1).repeat(50, 1, 2)
MASK = torch.ones(50, 24, dtype=torch.bool)


def changed(**options):
    return crop_and_flip(MODEL, options)(PIXELS, MASK, torch.Generator().manual_seed(0))


def test_whole_pictures_without_flips_stay_as_they_are():
    torch.testing.assert_close(changed(smallest_area=1.0, largest_ratio=1.0, flip=0.0), PIXELS)


def test_a_flip_exchanges_left_and_right():
    flipped = PIXELS.view(50, 4, 6, 2).flip(2).reshape(50, 24, 2)
    torch.testing.assert_close(changed(smallest_area=1.0, largest_ratio=1.0, flip=1), flipped)
    half = changed(smallest_area=1.0, largest_ratio=1.0)
    is_flipped = (half - flipped).abs().amax(dim=(1, 2)) < 1e-4
    assert 10 < int(is_flipped.sum()) < 40


def test_crops_are_parts_of_the_picture_that_differ():
    crops = changed(flip=0.0).view(50, 4, 6, 2)
    assert float(crops.min()) >= 0
    assert float(crops.max()) <= 23
    widths = crops[:, 0, -1, 0] - crops[:, 0, 0, 0]  # pixels are numbered along rows: at most 5 from left to right
    assert bool((widths > 0).all())
    assert bool((widths < 5.001).all())
    assert len(widths.round(decimals=3).unique()) > 40


def test_padding_after_the_last_pixel_stays():
    model = ModelConfig(positions="axes", grid=(5, 5), max_length=25)
    padded = torch.cat((torch.randn(3, 25, 1), torch.full((3, 7, 1), 9.0)), dim=1)
    result = crop_and_flip(model, {})(
        padded, torch.ones(3, 32, dtype=torch.bool), torch.Generator().manual_seed(0)
    )
    assert result.shape == padded.shape
    assert bool((result[:, 25:] == 9).all())


def test_what_cannot_be_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"needs model\.grid"):
        crop_and_flip(ModelConfig(), {})
    with pytest.raises(ConfigError, match="flip cannot be 2: there are smallest_area from 0 to 1"):
        crop_and_flip(MODEL, {"flip": 2})
    with pytest.raises(ConfigError, match="zoom cannot be 1"):
        crop_and_flip(MODEL, {"zoom": 1})
    with pytest.raises(ConfigError, match=r"training\.augmentation cannot be 'crop'.*there are crop-and-flip"):
        sma_core.finetune("image", settings={"training.augmentation": "crop"}, out=tmp_path / "run")
    with pytest.raises(ConfigError, match=r"augmentation_options need training\.augmentation"):
        sma_core.finetune("image", settings={"training.augmentation_options.flip": 0.0}, out=tmp_path / "run")


def test_a_fine_tuning_uses_it_and_resumes_bit_for_bit(tmp_path):
    few = {
        "training.steps": 4,
        "training.log_every": 1,
        "split.train_rows": 64,
        "baselines": False,
        "training.probe_fallback": False,
    }
    cropped = few | {"training.augmentation": "crop-and-flip", "training.augmentation_options.flip": 0.0}
    whole = sma_core.finetune("image", settings=cropped, out=tmp_path / "whole").run
    plain = sma_core.finetune("image", settings=few, out=tmp_path / "plain").run
    assert not same(latest_weights(whole), latest_weights(plain))
    with pytest.raises(StoppedOnRequest):
        sma_core.finetune("image", settings=cropped, out=tmp_path / "parts", observers=[stop_at(2)])
    resumed = sma_core.finetune(resume=tmp_path / "parts").run
    assert same(latest_weights(whole), latest_weights(resumed))
