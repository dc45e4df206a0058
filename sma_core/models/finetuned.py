"""A fine-tuned run as it was when it was judged: network, targets, settings, and its way of reading rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from sma_core.config import FinetuneConfig
from sma_core.config.layers import Layer, resolve
from sma_core.devices.device import FixedPrecision, choose_device, choose_precision, is_native
from sma_core.errors import CheckpointError
from sma_core.models.build import build_predictor, load_weights
from sma_core.nn.model import Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.runs.provenance import parts_of
from sma_core.runs.run_folder import RunFolder
from sma_core.sources.feeds import Feed, feed_of_run
from sma_core.training.targets import Targets


@dataclass(frozen=True)
class FinetunedRun:
    """The best checkpoint of a fine-tuned run on a device, and what is needed to give it labelled rows.

    ``precision`` is that of the training, where the device has it, so that the run's own figures come out again.
    """

    run: RunFolder
    registry: Registry
    config: FinetuneConfig
    feed: Feed
    targets: Targets
    module: Predictor
    device: torch.device
    precision: FixedPrecision

    @classmethod
    def load(cls, path: Path, device: str = "auto", policy: PluginPolicy | None = None) -> FinetunedRun:
        """Load a run; raises `CheckpointError` when it has no head or is damaged, `PluginError` without plugin."""
        run = RunFolder.open(path)
        facts = run.model()
        if facts["verb"] != "finetune":
            raise CheckpointError(
                f"{path} is a pre-trained run without a head: teach it a task with sma finetune --model {path}"
            )
        config = resolve(FinetuneConfig, [Layer(str(path), run.config())]).config
        targets = Targets.from_json(facts["targets"])
        with parts_of(path, facts, policy):
            registry = Registry.load(facts["domain"]["name"], policy)
            feed = feed_of_run(registry, config.data, facts)
            module = build_predictor(registry, config.model, feed.inputs, facts["head"], targets.outputs)
        load_weights(module, run)
        chosen = choose_device(device)
        precision = _precision(config, chosen)
        return cls(run, registry, config, feed, targets, module.to(chosen).eval(), chosen, precision)


def _precision(config: FinetuneConfig, device: torch.device) -> FixedPrecision:
    own = config.training.precision
    return choose_precision(own if own == "auto" or is_native(own, device) else "auto", device)
