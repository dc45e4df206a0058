"""`show_config`: every setting of a verb with its value, origin and description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sma_core.config import FinetuneConfig, PretrainConfig
from sma_core.config.layers import Resolved, dump, flatten, settings_of
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, finetune_settings, pretrain_settings


@dataclass(frozen=True)
class ShownSetting:
    """One line of ``sma config show``."""

    setting: str
    value: Any
    origin: str
    description: str

    @property
    def text(self) -> str:
        """The value as text, ``-`` for None."""
        return "-" if self.value in ("none", None) else str(self.value)


def show_config(
    domain: str,
    verb: Literal["train", "finetune"] = "train",
    recipe: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    policy: PluginPolicy | None = None,
) -> list[ShownSetting]:
    """Resolve the settings that ``verb`` would use, with the origin of each value."""
    registry = Registry.load_named(domain, policy)
    request = Request.of(recipe, config, settings)
    resolved: Resolved[PretrainConfig] | Resolved[FinetuneConfig]
    resolved = (pretrain_settings if verb == "train" else finetune_settings)(registry, request)
    descriptions = dict(settings_of(type(resolved.config)))
    return [
        ShownSetting(name, value, resolved.origins.get(name, "default"), descriptions.get(name, ""))
        for name, value in flatten(dump(resolved.config))
    ]
