"""Settings of the network: the encoder and its reconstruction decoder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from sma_core.config.settings import MemberName, Options, Settings, Size

OutputLayer = Size | Literal["gelu", "relu", "silu", "tanh"]
Numbers = tuple[float, ...] | tuple[tuple[float, ...], ...]


class DecoderConfig(Settings):
    """The reconstruction decoder (method, steps 6 and 7)."""

    width: Size = Field(256, description="Width of the decoder's position queries and values.")
    heads: Size = Field(8, description="Attention heads of the decoder.")
    query_key_width: Size | None = Field(
        None, description="Width of queries and keys, all heads together; empty: the decoder width."
    )
    widening: Size = Field(1, description="MLP widening of the decoder's attention layer.")
    query_residual: bool = Field(True, description="Add the position queries to what the decoder attends to.")
    shared_queries: bool = Field(
        False, description="Use the encoder's position embeddings as decoder queries instead of separate ones."
    )
    mask_token: bool = Field(
        False, description="Add a learned vector to the queries of the positions that are reconstructed."
    )
    output_layers: tuple[OutputLayer, ...] = Field(
        (), description="Layers before the output map: widths of linear maps, and gelu, relu, silu, tanh."
    )
    shared_embedding: bool = Field(
        False, description="Use the transposed token embedding, plus a bias, as the output map."
    )
    loss: MemberName | None = Field(
        None,
        description="Reconstruction loss by name; empty: cross-entropy or mean-squared-error, by the inputs.",
    )
    weighted_loss: bool = Field(
        False,
        description="Weight hidden tokens inversely to their frequency among the hidden tokens of the batch.",
    )
    target_mean: Numbers | None = Field(
        None, description="Mean subtracted from continuous targets: a number per channel, or a list per position."
    )
    target_spread: Numbers | None = Field(
        None, description="Divisor of continuous targets: a number per channel, or a list per position."
    )
    target_clip: float | None = Field(
        None, gt=0.0, description="Largest absolute value of a standardised continuous target; empty: no limit."
    )

    @property
    def query_key(self) -> int:
        """Width of queries and keys, with the default resolved."""
        return self.query_key_width or self.width

    @property
    def output_width(self) -> int:
        """Input width of the output map: that of the last extra linear map, else the decoder's."""
        widths = [layer for layer in self.output_layers if isinstance(layer, int)]
        return widths[-1] if widths else self.width

    @model_validator(mode="after")
    def _spread_divides(self) -> Self:
        if self.target_spread is not None and not all(value > 0 for value in _flat(self.target_spread)):
            raise ValueError("every number of model.decoder.target_spread must be larger than 0")
        return self


def _flat(numbers: Numbers) -> Iterator[float]:
    for number in numbers:
        yield from number if isinstance(number, tuple) else (number,)


class ModelConfig(Settings):
    """The encoder and its reconstruction decoder."""

    encoder: MemberName = Field(
        "cross-attention",
        description="cross-attention: learned latents attend to the inputs; self-attention: the inputs attend to "
        "each other; or a plugin's.",
    )
    encoder_options: Options = Field(default_factory=dict, description="Options of a plugin's encoder.")
    max_length: Size = Field(512, description="Largest number of inputs in a row.")
    embedding_width: Size = Field(256, description="Width E of the embedded inputs.")
    positions: MemberName = Field(
        "learned",
        description="Position embeddings. learned: a vector for each position; axes: one for each place on each "
        "axis of the grid, summed; fourier: linear maps of sines and cosines, of each axis if there is a grid; "
        "none: rows are sets, for continuous inputs; or a plugin's.",
    )
    grid: tuple[Size, ...] | None = Field(
        None,
        description="Sizes of the axes that positions are on, the last fastest: [rows, columns] of pixels.",
    )
    missing_values: Literal["learned", "mean"] = Field(
        "learned",
        description="Continuous inputs: add a learned vector for a missing value, if training rows have any, or "
        "read it as the mean.",
    )
    latents: Size = Field(128, description="Number M of learned latents; unused by self-attention.")
    latent_width: Size = Field(384, description="Width D of the latents.")
    layers: int = Field(6, ge=0, le=1 << 20, description="Self-attention layers in a block of the trunk.")
    blocks: Size = Field(1, description="Number of passes through the same block of layers.")
    cross_heads: Size = Field(8, description="Heads of the first (cross-)attention.")
    heads: Size = Field(8, description="Heads of self-attention.")
    cross_query_key_width: Size | None = Field(
        None, description="Width of queries and keys in the first attention; empty: the latent width."
    )
    query_key_width: Size | None = Field(
        None, description="Width of queries and keys in self-attention; empty: the latent width."
    )
    cross_widening: Size = Field(1, description="MLP widening after the first cross-attention.")
    widening: Size = Field(1, description="MLP widening of self-attention layers.")
    bias: bool = Field(False, description="Biases in attention and MLP linear maps.")
    query_residual: bool = Field(True, description="Add the queries to the first attention's output.")
    dropout: float = Field(
        0.0, ge=0.0, lt=1.0, description="Dropout after the embedding, each attention and each MLP."
    )
    attention_dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Dropout on attention probabilities.")
    drop_path: float = Field(
        0.0, ge=0.0, lt=1.0, description="Probability that a row skips the attention or the MLP of a trunk layer."
    )
    initializer_range: float = Field(0.02, gt=0.0, description="Standard deviation of initial weights.")
    position_initializer_range: float | None = Field(
        None, gt=0.0, description="Standard deviation of initial position embeddings; empty: initializer_range."
    )
    decoder: DecoderConfig = Field(default_factory=DecoderConfig, description="The reconstruction decoder.")

    @property
    def cross_query_key(self) -> int:
        """Width of queries and keys in the first attention, with the default resolved."""
        return self.cross_query_key_width or self.latent_width

    @property
    def query_key(self) -> int:
        """Width of queries and keys in the trunk, with the default resolved."""
        return self.query_key_width or self.latent_width

    @model_validator(mode="after")
    def _grid_fits(self) -> Self:
        if self.grid is None:
            if self.positions == "axes":
                raise ValueError("model.positions axes needs model.grid, such as [28, 28]")
            return self
        if self.positions in ("learned", "none"):
            raise ValueError(f"model.positions {self.positions} does not use model.grid: set model.grid=none")
        positions = math.prod(self.grid)
        if positions < self.max_length:
            raise ValueError(
                f"model.grid {list(self.grid)} has {positions:,} positions, fewer than model.max_length, which is "
                f"{self.max_length:,}: set model.max_length={positions}, or a larger grid"
            )
        return self

    @model_validator(mode="after")
    def _widths_divide(self) -> Self:
        pairs = {
            "model.latent_width by model.heads": (self.latent_width, self.heads),
            "model.query_key_width by model.heads": (self.query_key, self.heads),
            "model.decoder.width by model.decoder.heads": (self.decoder.width, self.decoder.heads),
            "model.decoder.query_key_width by model.decoder.heads": (self.decoder.query_key, self.decoder.heads),
        }
        if self.encoder == "cross-attention":
            pairs |= {
                "model.latent_width by model.cross_heads": (self.latent_width, self.cross_heads),
                "model.cross_query_key_width by model.cross_heads": (self.cross_query_key, self.cross_heads),
            }
        for what, (width, heads) in pairs.items():
            if width % heads:
                raise ValueError(f"cannot divide {what}: {width} is not a multiple of {heads}")
        return self

    @model_validator(mode="after")
    def _encoder_has_options(self) -> Self:
        if self.encoder_options and self.encoder in ("cross-attention", "self-attention"):
            raise ValueError(f"model.encoder {self.encoder} has no model.encoder_options")
        return self

    @model_validator(mode="after")
    def _widths_agree(self) -> Self:
        if self.encoder == "self-attention" and self.latent_width != self.embedding_width:
            raise ValueError(
                "a self-attention encoder needs model.latent_width equal to model.embedding_width "
                f"({self.latent_width} is not {self.embedding_width})"
            )
        shared = {
            "queries": (self.decoder.shared_queries, self.decoder.width),
            "embedding": (self.decoder.shared_embedding, self.decoder.output_width),
        }
        for what, (shares, width) in shared.items():
            if shares and width != self.embedding_width:
                raise ValueError(
                    f"a decoder that shares {what} needs model.decoder.width equal to model.embedding_width "
                    f"({width} is not {self.embedding_width})"
                )
        if self.decoder.shared_queries and self.positions == "none":
            raise ValueError("model.decoder.shared_queries shares position embeddings: model.positions is none")
        return self
