"""Step two of discovery: import the plugins of one domain, each behind a wall of its own."""

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
from sma_core.plugins.discovery import ANY, NO_DOMAIN_ANY, InstalledPlugin, PluginPolicy, installed_plugins
from sma_core.plugins.missing import missing_hint
from sma_core.plugins.quiet import output_to_stderr
from sma_core.plugins.specs import API_VERSION

logger = logging.getLogger("sma")

CORE = "sma-core"


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that could not be used: which, why in one line, and the whole traceback."""

    plugin: InstalledPlugin
    reason: str
    traceback: str

    def __str__(self) -> str:
        """One line for the terminal."""
        what = f"{self.plugin.package} {self.plugin.version}"
        return f"plugin {self.plugin.name!r} ({what}) is left out: {self.reason}"


@dataclass(frozen=True)
class LoadedPlugins:
    """The hooks of one domain's plugins and of the core's built-ins."""

    manager: pluggy.PluginManager
    packages: dict[str, str]
    """Name a plugin is registered under -> the package it came from."""
    broken: tuple[BrokenPlugin, ...]
    newer: tuple[str, ...] = ()
    """A sentence for each package that says it was made for a newer minor version of the contract than ours."""


def load_plugins(domain: str, policy: PluginPolicy | None = None) -> LoadedPlugins:
    """Import the plugin ``domain``, every extension ``domain.*`` and ``any.*``, and nothing else.

    A broken extension becomes a record in ``broken``. Raises `PluginError` when the domain is not
    installed, is provided by two packages, is switched off or is itself broken; with a strict policy
    also for a broken extension.
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
    """Import plugins and add their hooks to those that are ``loaded``; disabled ones are passed over.

    A broken extension becomes a record in ``broken``. Raises `PluginError` when a domain's own plugin is broken;
    with a strict policy also for an extension.
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
        except BaseException as error:  # what test tools and Rust raise is often no Exception
            failure = BrokenPlugin(plugin, reason_of(error, plugin.package), traceback.format_exc())
            if plugin.name == plugin.domain or policy.strict:
                kind = IncompatiblePluginError if isinstance(error, IncompatiblePluginError) else PluginError
                raise kind(
                    f"the plugin {plugin.name!r} ({plugin.package} {plugin.version}) cannot be used: "
                    f"{failure.reason}; mend or reinstall that package (--debug shows the traceback)"
                ) from error
            broken.append(failure)
    newer = tuple(
        f"{packages[plugin.name]} was {plugin.detail}"
        for plugin in wanted
        if plugin.name in packages and plugin.detail
    )
    return LoadedPlugins(loaded.manager, packages, tuple(broken), newer)


def general_extensions(policy: PluginPolicy) -> list[InstalledPlugin]:
    """Return the installed plugins that add to every domain; raises `PluginError` for two of one name."""
    general = [plugin for plugin in installed_plugins(policy) if plugin.adds_to(ANY)]
    _refuse_conflicts(general)
    return general


def load_alone(plugin: InstalledPlugin) -> LoadedPlugins:
    """Import one plugin and no other; whatever it raises is raised."""
    manager = core_manager()
    import_and_register(manager, plugin)
    return LoadedPlugins(manager, {"core": CORE, plugin.name: f"{plugin.package} {plugin.version}"}, ())


def usable_plugin(name: str, policy: PluginPolicy | None = None) -> InstalledPlugin:
    """Find the installed plugin ``name``, a domain or an extension, and import nothing.

    Raises `PluginError` when it is not installed, is provided by two packages or is switched off.
    """
    plugins = installed_plugins(policy)
    domain, dot, _ = name.partition(".")
    if not dot:
        wanted = [plugin for plugin in plugins if plugin.name == domain or plugin.adds_to(domain)]
        _refuse_unusable(domain, wanted, plugins)
    found = [plugin for plugin in plugins if plugin.name == name]
    if not found:
        there = ", ".join(plugin.name for plugin in plugins) or "none"
        raise PluginError(f"there is no plugin {name!r} (installed: {there})")
    if found[0].status != "installed":
        raise PluginError(f"the plugin {name!r} ({found[0].package}) cannot be used: {found[0].detail}")
    return found[0]


def core_manager() -> pluggy.PluginManager:
    """A manager with the hooks of the contract, in which the core's own parts are."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(builtin, name="core")
    return manager


def _refuse_unusable(domain: str, wanted: list[InstalledPlugin], plugins: list[InstalledPlugin]) -> None:
    """Raise `PluginError` when ``domain`` is missing, switched off or provided twice."""
    if domain == ANY:
        raise PluginError(f"{NO_DOMAIN_ANY}: name a domain of sma plugins list")
    _refuse_conflicts(wanted)
    own = [plugin for plugin in wanted if plugin.name == domain]
    if not own:
        usable = [plugin for plugin in plugins if plugin.status != "invalid"]
        domains = sorted({plugin.name for plugin in usable if "." not in plugin.name})
        raise PluginError(unknown_domain(domain, domains))
    if own[0].status == "incompatible":
        raise IncompatiblePluginError(f"{own[0].package} {own[0].version} was {own[0].detail}")
    if own[0].status == "disabled":
        raise PluginError(f"the plugin {domain!r} ({own[0].package}) is {own[0].detail}; switch it on to use it")


def _refuse_conflicts(wanted: list[InstalledPlugin]) -> None:
    """Raise `PluginError` when two packages provide a plugin of one name."""
    for plugin in wanted:
        if plugin.status == "conflict":
            raise PluginError(
                f"the plugin {plugin.name!r} is provided by both "
                f"{' and '.join(other.package for other in wanted if other.name == plugin.name)}; "
                "uninstall one of them"
            )


def unknown_domain(domain: str, installed: list[str]) -> str:
    """Return the sentence for a domain no installed plugin provides."""
    if "/" in domain or "\\" in domain:
        return (
            f"{domain!r} is no Python file: one that is a domain ends in .py; a plugin's project is installed "
            "with pip install -e, and then named as its domain"
        )
    near = difflib.get_close_matches(domain, installed, n=1)
    if near:
        return f"no plugin provides the domain {domain!r}; did you mean {near[0]!r}?"
    have = f"installed: {', '.join(installed)}" if installed else "no plugin is installed"
    return (
        f"no plugin provides the domain {domain!r} ({have}); domains come in packages of their own, "
        f"by custom named sma-{domain}: pip install sma-{domain}"
    )


def import_and_register(manager: pluggy.PluginManager, plugin: InstalledPlugin) -> None:
    """Import a plugin and add its hooks; raises what it raises, and `PluginError` where metadata rule it out."""
    if plugin.status == "incompatible":
        raise IncompatiblePluginError(plugin.detail)
    if plugin.status == "invalid":
        raise PluginError(plugin.detail)
    register(manager, import_entry(plugin), plugin.name)


def import_entry(plugin: InstalledPlugin) -> object:
    """Import what a plugin's entry point names; whatever it prints while importing goes to stderr."""
    with output_to_stderr():
        module: ModuleType = importlib.import_module(plugin.module.partition(":")[0])
        target: object = module
        for part in filter(None, plugin.module.partition(":")[2].split(".")):
            target = getattr(target, part)
    return target


def register(manager: pluggy.PluginManager, target: object, name: str) -> None:
    """Add the hooks of a module or an object, all or none; raises `PluginError` when they are there already."""
    if manager.is_registered(target):
        raise PluginError(f"its entry point is what the plugin {manager.get_name(target)!r} names too")
    try:
        manager.register(target, name=name)
        manager.check_pending()
    except BaseException as error:
        # In pluggy 1.5 a plugin refused half-way leaves hooks behind; others would answer for them.
        if manager.is_registered(target):
            manager.unregister(target)
        if unknown := _unknown_hooks(manager, target) if isinstance(error, pluggy.PluginValidationError) else []:
            raise PluginError(
                f"it has the hook {unknown[0]}, which plugin API {API_VERSION} has not: mend the name, or if a "
                "newer sma-core has it, pip install --upgrade sma-core"
            ) from error
        raise


def _unknown_hooks(manager: pluggy.PluginManager, target: object) -> list[str]:
    """Names of what a plugin marks as hooks and the contract does not have."""
    marked = (name for name in dir(target) if manager.parse_hookimpl_opts(target, name) is not None)
    return [name for name in marked if not hasattr(hookspecs, name)]


def reason_of(error: BaseException, package: str | None = None) -> str:
    """The last line a traceback of ``error`` would show, on one line; our own sentences as they are.

    Where a module is missing, it says what to install: see `missing_hint`.
    """
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{reason}{missing_hint(error, package)}"
