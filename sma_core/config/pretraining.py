"""All settings of pre-training, with defaults, limits and descriptions.

``sma config show`` prints the descriptions. All models are frozen and reject unknown fields;
`sma_core.config.layers` reads them from files and options.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from sma_core.config.data import DataConfig
from sma_core.config.masking import MaskingConfig
from sma_core.config.models import ModelConfig
from sma_core.config.settings import Settings
from sma_core.config.training import TrainingConfig
from sma_core.printable import counted


class PretrainConfig(Settings):
    """All settings of `sma train`."""

    domain: str = Field(description="Name of the domain.")
    recipe: str | None = Field(None, description="Recipe that the settings started from.")
    data: DataConfig = Field(default_factory=DataConfig, description="Rows and batches.")
    model: ModelConfig = Field(default_factory=ModelConfig, description="The network.")
    masking: MaskingConfig = Field(default_factory=MaskingConfig, description="What is hidden.")
    training: TrainingConfig = Field(
        default_factory=lambda: TrainingConfig(steps=1000), description="Optimisation and checkpoints."
    )

    @model_validator(mode="after")
    def _masking_fits_model(self) -> Self:
        layers = self.model.layers * self.model.blocks
        if self.masking.layer > layers:
            raise ValueError(
                f"masking.layer is {self.masking.layer}, but the trunk has {counted(layers, 'layer')}"
            )
        if self.masking.mask_self and self.model.encoder == "cross-attention":
            raise ValueError("masking.mask_self needs model.encoder self-attention: latents stand at no position")
        if self.masking.guide == "average" and self.training.average_decay is None:
            raise ValueError("masking.guide average needs training.average_decay, for example 0.999")
        return self
