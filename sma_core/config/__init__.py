"""The settings of a run: frozen models, and the layers they are read from."""

from sma_core.config.data import DataConfig
from sma_core.config.finetuning import FinetuneConfig, FinetuneTrainingConfig, SplitConfig
from sma_core.config.masking import MaskingConfig
from sma_core.config.models import DecoderConfig, ModelConfig
from sma_core.config.pretraining import PretrainConfig
from sma_core.config.training import TrainingConfig

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
