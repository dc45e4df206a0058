"""The settings of a run: frozen models, and the layers they are read from."""

from sma_core.config.finetuning import FinetuneConfig, FinetuneTrainingConfig, SplitConfig
from sma_core.config.models import (
    DataConfig,
    DecoderConfig,
    MaskingConfig,
    ModelConfig,
    PretrainConfig,
    TrainingConfig,
)

__all__ = [
    "DataConfig",
    "DecoderConfig",
    "FinetuneConfig",
    "FinetuneTrainingConfig",
    "MaskingConfig",
    "ModelConfig",
    "PretrainConfig",
    "SplitConfig",
    "TrainingConfig",
]
