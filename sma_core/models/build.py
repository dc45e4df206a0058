"""Build the network that a run describes and load its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from sma_core.checkpoints.store import StoredCheckpoint, undisturbed
from sma_core.checkpoints.weights import check_weights
from sma_core.config import FinetuneConfig, ModelConfig
from sma_core.devices.parallel import load_full_state
from sma_core.errors import CheckpointError, ConfigError
from sma_core.nn.inputs import Inputs
from sma_core.nn.losses.reconstruction import ReconstructionLoss
from sma_core.nn.model import SMA, Predictor
from sma_core.nn.probe import Probe
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Head
from sma_core.runs.methods import encoder_factory, head_module, position_factory
from sma_core.runs.run_folder import RunFolder
from sma_core.training.finetuning.targets import Targets, is_per_position

ENCODER_PARTS = ("embed.", "encoder.")
POSITION_HEAD, ROW_HEAD = "position", "decoder"
"""Default heads for labels of positions and of rows, when the domain's own head is of the other sort."""


def build_network(
    registry: Registry, model: ModelConfig, inputs: Inputs, loss: ReconstructionLoss | None = None
) -> SMA:
    """Build the network for pre-training, initialised from torch's global generator; ``loss`` as in `SMA`."""
    return SMA(model, inputs, loss, position_factory(registry, model), encoder_factory(registry, model))


def build_predictor(
    registry: Registry, config: FinetuneConfig, inputs: Inputs, head: str, targets: Targets
) -> Predictor:
    """Build embedding, encoder, head and probe, initialised from torch's global generator."""
    model, outputs = config.model, targets.outputs
    network = build_network(registry, model, inputs)
    module = head_module(registry, head, model, outputs)
    selects = config.split.protocol != "authors"  # a probe is what validation may select
    has_probe = config.training.probe_fallback and selects and not targets.per_position
    probe = Probe(model.latent_width, outputs) if has_probe else None
    return Predictor(network.embed, network.encoder, module, probe)


def choose_head(registry: Registry, wanted: str | None, kind: str) -> str:
    """Return the name of the head to use: ``wanted``, or the default for labels of this kind.

    Raises `ConfigError` when the head predicts rows but the labels are of positions, or the reverse.
    """
    per_position = is_per_position(kind)
    default = registry.domain.head
    if wanted is None and registry.find(Head, default).per_position != per_position:
        default = POSITION_HEAD if per_position else ROW_HEAD
    head = registry.find(Head, wanted or default)
    if head.per_position != per_position:
        predicts, labelled = ("position", "row") if head.per_position else ("row", "position")
        suitable = " or ".join(spec.name for spec in registry.specs(Head) if spec.per_position == per_position)
        raise ConfigError(
            f"the head {head.name!r} makes one prediction per {predicts}, but {kind} labels have one per "
            f"{labelled}: use `head={suitable}`"
        )
    return head.name


def load_encoder(module: Predictor, run: RunFolder) -> None:
    """Load the embedding and encoder weights of a pre-trained run's newest checkpoint into ``module``.

    The newest checkpoint is used rather than the one of lowest held-out loss: under guided masking the model's own
    masks grow harder as it learns, so losses of different steps are not comparable. Raises `CheckpointError`
    naming the first tensor that is missing or of another shape.
    """
    checkpoint = undisturbed(lambda: present(run.checkpoints.latest(), run).model())
    weights = {name: tensor for name, tensor in checkpoint.items() if name.startswith(ENCODER_PARTS)}
    expected = {name: value for name, value in module.state_dict().items() if name.startswith(ENCODER_PARTS)}
    check_weights(expected, weights, run.path)
    module.load_state_dict(weights, strict=False)


def load_weights(module: nn.Module, run: RunFolder) -> StoredCheckpoint:
    """Load all weights of the run's best checkpoint into ``module`` and return the checkpoint."""
    checkpoint, weights = undisturbed(lambda: _with_weights(present(run.checkpoints.best(), run)))
    put_weights(module, weights, run.path)
    return checkpoint


def _with_weights(checkpoint: StoredCheckpoint) -> tuple[StoredCheckpoint, dict[str, Tensor]]:
    return checkpoint, checkpoint.model()


def put_weights(module: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load all weights of the run at ``path`` into ``module``; raises `CheckpointError` as `load_encoder` does."""
    check_weights(module.state_dict(), weights, path)
    load_full_state(module, weights)


def present(checkpoint: StoredCheckpoint | None, run: RunFolder) -> StoredCheckpoint:
    """Return the checkpoint; raises `CheckpointError` when the run has none."""
    if checkpoint is None:
        raise CheckpointError(
            f"{run.path} has no checkpoint yet: resume it with sma {run.record().verb} --resume {run.path}"
        )
    return checkpoint
