"""What the core itself brings, through the same hooks as any plugin."""

from __future__ import annotations

from sma_core.plugins.hookspecs import hookimpl
from sma_core.plugins.imports import resolve
from sma_core.plugins.method_specs import (
    Baseline,
    EncoderType,
    Loss,
    MaskingStrategy,
    Metric,
    Optimizer,
    PositionEmbedding,
    Schedule,
)
from sma_core.plugins.specs import Head, Reader, Splitter, TableFormat, Tokenizer


@hookimpl
def sma_tokenizers() -> list[Tokenizer]:
    """The byte tokenizer of the paper."""
    return [
        Tokenizer(
            name="bytes",
            summary="UTF-8 bytes and six special ids; a separator at the end.",
            factory="sma_core.data.tokenizers:ByteTokenizer",
        )
    ]


@hookimpl
def sma_readers() -> list[Reader]:
    """Text lines and delimited columns; tables of numbers."""
    return [
        Reader(
            name="lines",
            summary="One row a line.",
            factory="sma_core.data.readers.lines:read_text",
            suffixes=(".txt",),
        ),
        Reader(
            name="csv",
            summary="Comma- or tab-separated columns with a header.",
            factory="sma_core.data.readers.csv:read_csv",
            suffixes=(".csv", ".tsv"),
        ),
        Reader(
            name="table",
            summary="Columns of numbers, comma- or tab-separated.",
            factory="sma_core.data.readers.table:read_table",
            suffixes=(".csv", ".tsv"),
            reads="blocks",
        ),
        Reader(
            name="parquet",
            summary="Columns of numbers in a Parquet or Arrow file.",
            factory="sma_core.data.readers.parquet:read_parquet",
            suffixes=(".parquet", ".arrow", ".feather"),
            reads="blocks",
        ),
        Reader(
            name="npy",
            summary="A table of numbers as NumPy writes it.",
            factory="sma_core.data.readers.arrays:read_arrays",
            suffixes=(".npy", ".npz"),
            reads="blocks",
        ),
    ]


@hookimpl
def sma_heads() -> list[Head]:
    """The paper's decoder head, and its kin."""
    return [
        Head(
            name="decoder",
            summary="One learned query attends to the latents, then a linear map (the paper's head).",
            factory="sma_core.nn.heads:DecoderHead",
        ),
        Head(
            name="mean",
            summary="Mean over the latents, then a linear map.",
            factory="sma_core.nn.heads:MeanHead",
        ),
        Head(
            name="multi-query",
            summary="The decoder head with a learned query for each output.",
            factory="sma_core.nn.heads:MultiQueryHead",
        ),
        Head(
            name="position",
            summary="An answer for every position: the embedded input reads the latents.",
            factory="sma_core.nn.heads:PositionHead",
            per_position=True,
        ),
    ]


@hookimpl
def sma_splitters() -> list[Splitter]:
    """Splits that need no knowledge of the domain."""
    return [
        Splitter(
            name="random",
            summary="Rows drawn at random with the split's seed.",
            factory="sma_core.evaluation.splits:random_split",
        ),
        Splitter(
            name="stratified",
            summary="Every class, or tenth of the values of the first target, in its share in each part.",
            factory="sma_core.evaluation.label_splits:stratified_split",
            needs=("labels", "kind"),
        ),
        Splitter(
            name="k-fold",
            summary="One of split.folds parts is the test, split.fold says which; validation from the others.",
            factory="sma_core.evaluation.splits:fold_split",
            needs=("folds", "fold"),
        ),
        Splitter(
            name="blocks",
            summary="Blocks of consecutive rows, drawn at random: for files in which neighbouring rows are alike.",
            factory="sma_core.evaluation.group_splits:block_split",
        ),
    ]


@hookimpl
def sma_masking_strategies() -> list[MaskingStrategy]:
    """Masks from the model's own attention (paper, section 3), random ones, and none."""
    folder = "sma_core.nn.strategies"
    return [
        MaskingStrategy(
            name="guided",
            summary="Hide what the model's own attention groups together (the paper's masks).",
            factory=f"{folder}.guided:Guided",
        ),
        MaskingStrategy(
            name="sampled",
            summary="Draw positions with chances that grow with their importance (masking.options.temperature).",
            factory=f"{folder}.sampled:Sampled",
        ),
        MaskingStrategy(
            name="contextual",
            summary="Draw as sampled does, by importance relative to that of the same symbol in the batch.",
            factory=f"{folder}.contextual:Contextual",
        ),
        MaskingStrategy(name="random", summary="Hide random positions.", factory=f"{folder}.random:Random"),
        MaskingStrategy(
            name="none",
            summary="Hide nothing and reconstruct every position.",
            factory=f"{folder}.none:NothingHidden",
        ),
    ]


@hookimpl
def sma_losses() -> list[Loss]:
    """One loss for each kind of input (paper, section 3)."""
    return [
        Loss(
            name="cross-entropy",
            summary="Cross-entropy of ids, also weighted by how rare they are (model.decoder.weighted_loss).",
            factory="sma_core.nn.losses.cross_entropy:CrossEntropy",
            inputs=("discrete",),
        ),
        Loss(
            name="mean-squared-error",
            summary="Mean squared error of standardised numbers.",
            factory="sma_core.nn.losses.mean_squared_error:MeanSquaredError",
            inputs=("continuous",),
        ),
    ]


@hookimpl
def sma_position_embeddings() -> list[PositionEmbedding]:
    """The paper's table of positions, and those of long rows, grids and sets."""
    folder = "sma_core.nn.positions"
    return [
        PositionEmbedding(
            name="learned",
            summary="A learned vector for each position (the paper's).",
            factory=f"{folder}.learned:Learned",
        ),
        PositionEmbedding(
            name="axes",
            summary="The sum of a learned vector for each axis of model.grid.",
            factory=f"{folder}.axes:Axes",
        ),
        PositionEmbedding(
            name="fourier",
            summary="Linear maps of sines and cosines of the position, or of its place on each axis.",
            factory=f"{folder}.fourier:Fourier",
        ),
        PositionEmbedding(
            name="none",
            summary="No positions: rows of numbers are sets.",
            factory=f"{folder}.none:no_positions",
        ),
    ]


@hookimpl
def sma_encoders() -> list[EncoderType]:
    """The encoders of the paper."""
    folder = "sma_core.nn.encoders"
    return [
        EncoderType(
            name="cross-attention",
            summary="Learned latents attend to the inputs, then to each other.",
            factory=f"{folder}.cross_attention:CrossAttentionEncoder",
        ),
        EncoderType(
            name="self-attention",
            summary="The inputs attend to each other.",
            factory=f"{folder}.self_attention:SelfAttentionEncoder",
        ),
    ]


@hookimpl
def sma_optimizers() -> list[Optimizer]:
    """The paper's optimiser."""
    return [
        Optimizer(
            name="adamw",
            summary="Adam with decoupled weight decay (training.beta2).",
            factory="sma_core.training.optimizers.adamw:adamw",
        ),
        Optimizer(
            name="muon",
            summary="Orthogonalised momentum for hidden matrices, AdamW for the rest.",
            factory="sma_core.training.optimizers.muon:muon",
        ),
    ]


@hookimpl
def sma_schedules() -> list[Schedule]:
    """The paper's schedule, and none."""
    folder = "sma_core.training.schedules"
    return [
        Schedule(
            name="cosine",
            summary="Half a cosine that would reach 0 one step after the last.",
            factory=f"{folder}.cosine:cosine",
        ),
        Schedule(
            name="constant", summary="The highest learning rate to the end.", factory=f"{folder}.constant:constant"
        ),
        Schedule(
            name="stable-decay",
            summary="The highest learning rate, then a decay over the last fifth of the steps.",
            factory=f"{folder}.stable_decay:stable_decay",
        ),
    ]


@hookimpl
def sma_metrics() -> list[Metric]:
    """Metrics of every kind of task: the decorated functions of `sma_core.evaluation.metrics`."""
    metrics: list[Metric] = resolve("sma_core.evaluation.metrics:METRICS", "the list of the core's metrics")
    return metrics


@hookimpl
def sma_table_formats() -> list[TableFormat]:
    """Formats of `sma predict`."""
    folder = "sma_core.writers.formats"
    return [
        TableFormat(
            name="csv",
            summary="Comma-separated values.",
            factory=f"{folder}.csv:csv_format",
            suffixes=(".csv", ".csv.gz"),
        ),
        TableFormat(
            name="parquet",
            summary="Apache Parquet.",
            factory=f"{folder}.parquet:parquet_format",
            suffixes=(".parquet",),
        ),
        TableFormat(
            name="json-lines",
            summary="One JSON object per line.",
            factory=f"{folder}.json_lines:json_lines_format",
            suffixes=(".jsonl",),
        ),
    ]


@hookimpl
def sma_baselines() -> list[Baseline]:
    """The floor of every comparison."""
    return [
        Baseline(
            name="constant",
            summary="The mean of the training labels, or the frequency of each class, for every row.",
            factory="sma_core.evaluation.baselines:constant",
            kinds=("regression", "binary", "multilabel", "multiclass"),
        )
    ]
