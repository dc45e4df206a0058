"""Settings of masking: what is hidden while pre-training (method, step 3)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sma_core.config.settings import MemberName, Options, Settings


class MaskingConfig(Settings):
    """What is hidden while pre-training (method, step 3)."""

    strategy: MemberName = Field(
        "guided",
        description="guided: positions that the model's own attention groups together; sampled: positions drawn "
        "by that attention; contextual: drawn by how much it exceeds their symbol's mean; random: random "
        "positions; none: nothing; or a plugin's.",
    )
    options: Options = Field(
        default_factory=dict, description="Options of the strategy, such as temperature of sampled."
    )
    ratio: float = Field(0.3, gt=0.0, lt=1.0, description="Fraction of the real positions that is hidden.")
    keys_per_query: float = Field(
        8.0, ge=1e-3, description="Inputs k per drawn query: length * ratio / k queries are drawn."
    )
    head_aggregation: Literal["mean", "random_mix"] = Field(
        "mean", description="Average over heads, or one random head per query."
    )
    guide: Literal["model", "average"] = Field(
        "model",
        description="Whose attention guides: the model's, or that of its average (training.average_decay).",
    )
    mask_self: bool = Field(False, description="Self-attention: hide the positions of the drawn queries first.")
    varying_length: bool = Field(
        True,
        description="Count hidden positions by the length of each row; off: by the padded length.",
    )
    layer: int = Field(
        0, ge=0, description="Layer whose attention guides: 0 is the first attention, i the i-th trunk layer."
    )
    reconstruct: Literal["hidden", "all"] = Field(
        "hidden", description="Positions in the loss: the hidden ones, or all real ones."
    )
    anneal: Literal["mix", "candidates"] | None = Field(
        None,
        description="Transition from random to guided: add random positions, or draw from a larger top set.",
    )
    anneal_start: float = Field(
        1.0,
        gt=0.0,
        le=1.0,
        description="At the first step: random fraction of the hidden positions (mix), or fraction of all "
        "positions that are candidates (candidates).",
    )
    anneal_over: float = Field(
        0.25, gt=0.0, le=1.0, description="Fraction of training over which anneal_start becomes anneal_end."
    )
    anneal_end: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="From then on: as anneal_start; empty: guided alone. 0.5 with mix keeps half of the hidden "
        "positions random.",
    )

    @property
    def last_fraction(self) -> float:
        """``anneal_end``, with the default resolved: no random positions, or no candidates but the hidden ones."""
        if self.anneal_end is None:
            return self.ratio if self.anneal == "candidates" else 0.0
        return self.anneal_end

    @model_validator(mode="after")
    def _candidates_suffice(self) -> Self:
        for name, fraction in (("anneal_start", self.anneal_start), ("anneal_end", self.last_fraction)):
            if self.anneal == "candidates" and fraction < self.ratio:
                raise ValueError(
                    f"masking.{name} is the fraction of candidates and cannot be less than masking.ratio "
                    f"({fraction:g} is less than {self.ratio:g})"
                )
        return self
