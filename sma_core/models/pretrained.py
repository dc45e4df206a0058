"""The pre-trained run that a fine-tuning or a probe starts from, or only its domain when there is no run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sma_core.config import DataConfig, PretrainConfig
from sma_core.config.layers import Values
from sma_core.errors import CheckpointError, UserError
from sma_core.feeds.feed import Feed, feed_of, new_feed
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import same_domain
from sma_core.plugins.registry import Registry
from sma_core.runs.record import RunRecord
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.shipped_models import locate_model


@dataclass(frozen=True)
class Pretrained:
    """The domain to load, and the record and settings of the pre-trained run if there is one."""

    domain: str
    record: RunRecord | None = None
    settings: Values | None = None

    def feed(self, registry: Registry, config: DataConfig) -> Feed:
        """Return the run's feed, or a new feed for a new run."""
        return new_feed(registry, config) if self.record is None else feed_of(registry, config, self.record)


def open_pretrained(
    domain: str | None, model: Path | None, purpose: str, policy: PluginPolicy | None = None
) -> Pretrained:
    """Open the pre-trained run at ``model``, if any, and determine the domain.

    ``model`` may also be the name of a shipped model. Raises `CheckpointError` when the run was fine-tuned
    (``purpose`` completes the message), `UserError` when the domain is unknown or differs from the run's.
    """
    run = RunFolder.open(locate_model(model, policy)) if model is not None else None
    record = run.record() if run is not None else None
    if record is not None and record.is_finetuned:
        raise CheckpointError(f"{model} was written by sma {record.verb}: {purpose} a run of sma train")
    if run is not None:
        run.settings(PretrainConfig)  # raises here what would be wrong later
    name = domain or (record.domain.name if record else None)
    if name is None:
        raise UserError("pass `domain=NAME`, or a pre-trained run with `model=RUN`")
    if record is not None and not same_domain(record.domain.name, name):
        raise UserError(f"{model} was trained on the domain {record.domain.name!r}, not {name!r}")
    return Pretrained(name, record, run.config() if run is not None else None)
