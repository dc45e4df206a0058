"""Step two of discovery: import the plugins of one domain, isolating the failures of each."""

from __future__ import annotations

import difflib
import importlib
import logging
import traceback
from dataclasses import dataclass
from types import ModuleType

import pluggy

from sma_core.errors import IncompatiblePluginError, PluginError
from sma_core.plugins import builtin, hookspecs
from sma_core.plugins.api_version import API_VERSION
from sma_core.plugins.discovery import ANY, NO_DOMAIN_ANY, InstalledPlugin, PluginPolicy, installed_plugins
from sma_core.plugins.imports import missing_hint, output_to_stderr

logger = logging.getLogger("sma")

CORE = "sma-core"


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that failed to load, with a one-line reason and the full traceback."""

    plugin: InstalledPlugin
    reason: str
    traceback: str

    def __str__(self) -> str:
        """One line for the terminal."""
        provider = f"{self.plugin.package} {self.plugin.version}"
        return f"plugin {self.plugin.name!r} ({provider}) is skipped: {self.reason}"


@dataclass(frozen=True)
class LoadedPlugins:
    """The hooks of one domain's plugins and of the core's built-ins."""

    manager: pluggy.PluginManager
    packages: dict[str, str]
    """Name of each registered plugin -> its package and version."""
    broken: tuple[BrokenPlugin, ...]
    newer: tuple[str, ...] = ()
    """A message for each package made for a newer minor version of the plugin API."""


def load_plugins(domain: str, policy: PluginPolicy | None = None) -> LoadedPlugins:
    """Import the plugin ``domain`` and the extensions ``domain.*`` and ``any.*``.

    Broken extensions are listed in ``broken``. Raises `PluginError` when the domain is not installed, is provided
    by two packages, is disabled or is broken; with a strict policy also for a broken extension.
    """
    policy = policy or PluginPolicy.from_environment()
    plugins = installed_plugins(policy)
    own = [plugin for plugin in plugins if plugin.name == domain]
    wanted = own + [plugin for plugin in plugins if plugin.adds_to(domain)]
    _refuse_unusable(domain, wanted, plugins)
    manager = core_manager()
    loaded = LoadedPlugins(manager, {"core": CORE}, ())
    return add_plugins(loaded, wanted, policy)


def add_plugins(loaded: LoadedPlugins, wanted: list[InstalledPlugin], policy: PluginPolicy) -> LoadedPlugins:
    """Import plugins and add their hooks to ``loaded``; disabled plugins are skipped.

    Broken extensions are listed in ``broken``. Raises `PluginError` when the domain's own plugin is broken; with a
    strict policy also for a broken extension.
    """
    packages, broken = dict(loaded.packages), list(loaded.broken)
    for plugin in wanted:
        if plugin.status == "disabled":
            continue
        try:
            import_and_register(loaded.manager, plugin)
            packages[plugin.name] = f"{plugin.package} {plugin.version}"
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # pytest and Rust extensions raise BaseException
            failure = BrokenPlugin(plugin, reason_of(error, plugin.package), traceback.format_exc())
            if plugin.name == plugin.domain or policy.strict:
                kind = IncompatiblePluginError if isinstance(error, IncompatiblePluginError) else PluginError
                raise kind(
                    f"the plugin {plugin.name!r} ({plugin.package} {plugin.version}) cannot be used: "
                    f"{failure.reason}; fix or reinstall that package (--debug shows the traceback)"
                ) from error
            broken.append(failure)
    newer = tuple(
        f"{packages[plugin.name]} was {plugin.detail}"
        for plugin in wanted
        if plugin.name in packages and plugin.detail
    )
    return LoadedPlugins(loaded.manager, packages, tuple(broken), newer)


def general_extensions(policy: PluginPolicy) -> list[InstalledPlugin]:
    """Return the installed plugins that add to every domain; raises `PluginError` for duplicate names."""
    general = [plugin for plugin in installed_plugins(policy) if plugin.adds_to(ANY)]
    _refuse_conflicts(general)
    return general


def load_alone(plugin: InstalledPlugin) -> LoadedPlugins:
    """Import only this plugin; errors propagate."""
    manager = core_manager()
    import_and_register(manager, plugin)
    return LoadedPlugins(manager, {"core": CORE, plugin.name: f"{plugin.package} {plugin.version}"}, ())


def usable_plugin(name: str, policy: PluginPolicy | None = None) -> InstalledPlugin:
    """Return the installed plugin ``name``, a domain or an extension, without importing it.

    Raises `PluginError` when it is not installed, is provided by two packages or is disabled.
    """
    plugins = installed_plugins(policy)
    domain, dot, _ = name.partition(".")
    if not dot:
        wanted = [plugin for plugin in plugins if plugin.name == domain or plugin.adds_to(domain)]
        _refuse_unusable(domain, wanted, plugins)
    matches = [plugin for plugin in plugins if plugin.name == name]
    if not matches:
        installed = ", ".join(plugin.name for plugin in plugins) or "none"
        raise PluginError(f"there is no plugin {name!r} (installed: {installed})")
    if matches[0].status != "installed":
        raise PluginError(f"the plugin {name!r} ({matches[0].package}) cannot be used: {matches[0].detail}")
    return matches[0]


def core_manager() -> pluggy.PluginManager:
    """Return a plugin manager with the hooks of the plugin API and the core's built-in parts."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(builtin, name="core")
    return manager


def _refuse_unusable(domain: str, wanted: list[InstalledPlugin], plugins: list[InstalledPlugin]) -> None:
    """Raise `PluginError` when ``domain`` is missing, disabled or provided twice."""
    if domain == ANY:
        raise PluginError(f"{NO_DOMAIN_ANY}: choose a domain from sma plugins list")
    _refuse_conflicts(wanted)
    own = [plugin for plugin in wanted if plugin.name == domain]
    if not own:
        usable = [plugin for plugin in plugins if plugin.status != "invalid"]
        domains = sorted({plugin.name for plugin in usable if "." not in plugin.name})
        raise PluginError(unknown_domain(domain, domains))
    if own[0].status == "incompatible":
        raise IncompatiblePluginError(f"{own[0].package} {own[0].version} was {own[0].detail}")
    if own[0].status == "disabled":
        raise PluginError(f"the plugin {domain!r} ({own[0].package}) is {own[0].detail}; enable it to use it")


def _refuse_conflicts(wanted: list[InstalledPlugin]) -> None:
    """Raise `PluginError` when two packages provide plugins of the same name."""
    for plugin in wanted:
        if plugin.status == "conflict":
            raise PluginError(
                f"the plugin {plugin.name!r} is provided by both "
                f"{' and '.join(other.package for other in wanted if other.name == plugin.name)}; "
                "uninstall one of them"
            )


def unknown_domain(domain: str, installed: list[str]) -> str:
    """Return the error message for a domain that no installed plugin provides."""
    if "/" in domain or "\\" in domain:
        return (
            f"{domain!r} is neither a domain nor a Python file ending in .py; install a plugin's project "
            "with pip install -e and pass the name of its domain"
        )
    near = difflib.get_close_matches(domain, installed, n=1)
    if near:
        return f"no plugin provides the domain {domain!r}; did you mean {near[0]!r}?"
    have = f"installed: {', '.join(installed)}" if installed else "no plugin is installed"
    return (
        f"no plugin provides the domain {domain!r} ({have}); domains are separate packages, "
        f"usually named sma-{domain}: pip install sma-{domain}"
    )


def import_and_register(manager: pluggy.PluginManager, plugin: InstalledPlugin) -> None:
    """Import a plugin and register its hooks; errors propagate. Raises `PluginError` for unusable metadata."""
    if plugin.status == "incompatible":
        raise IncompatiblePluginError(plugin.detail)
    if plugin.status == "invalid":
        raise PluginError(plugin.detail)
    register(manager, import_entry(plugin), plugin.name)


def import_entry(plugin: InstalledPlugin) -> object:
    """Import the object a plugin's entry point names; output printed while importing goes to stderr."""
    with output_to_stderr():
        module: ModuleType = importlib.import_module(plugin.module.partition(":")[0])
        target: object = module
        for part in filter(None, plugin.module.partition(":")[2].split(".")):
            target = getattr(target, part)
    return target


def register(manager: pluggy.PluginManager, target: object, name: str) -> None:
    """Register all hooks of a module or an object, or none; raises `PluginError` when already registered."""
    if manager.is_registered(target):
        raise PluginError(f"its entry point is the same object as that of the plugin {manager.get_name(target)!r}")
    try:
        manager.register(target, name=name)
        manager.check_pending()
    except BaseException as error:
        # pluggy 1.5 leaves the hooks of a partly registered plugin behind.
        if manager.is_registered(target):
            manager.unregister(target)
        if unknown := _unknown_hooks(manager, target) if isinstance(error, pluggy.PluginValidationError) else []:
            raise PluginError(
                f"it has the hook {unknown[0]}, which plugin API {API_VERSION} does not have: fix the name, or if "
                "a newer sma-core has it, pip install --upgrade sma-core"
            ) from error
        raise


def _unknown_hooks(manager: pluggy.PluginManager, target: object) -> list[str]:
    """Return the names of hooks that a plugin implements but the plugin API does not have."""
    marked = (name for name in dir(target) if manager.parse_hookimpl_opts(target, name) is not None)
    return [name for name in marked if not hasattr(hookspecs, name)]


def reason_of(error: BaseException, package: str | None = None) -> str:
    """Return ``error`` as one line, like the last line of its traceback; `PluginError` messages are unchanged.

    For a missing module the line says what to install: see `missing_hint`.
    """
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{reason}{missing_hint(error, package)}"
