"""The commands of ``sma``, the core's own and those of installed packages, imported lazily.

`CommandGroup` lists commands from their declarations (`sma_core.plugins.commands.command_list`), and imports a
command only when it or its help is called.
"""

from __future__ import annotations

import difflib
import logging
import textwrap
from functools import cached_property, partial
from typing import Any, ClassVar

from typer import Context
from typer.core import TyperGroup

from sma_core.cli.program.option_names import invoke
from sma_core.errors import PluginError
from sma_core.plugins.commands.command_list import InstalledCommand, Words, installed_commands, providers
from sma_core.plugins.commands.command_loading import build_command, check_usable, load_command
from sma_core.plugins.discovery import PluginPolicy, installed_plugins, normalized

logger = logging.getLogger("sma")

COMES_WITH = {
    "masks": "sma-view",
    "report": "sma-view",
    "data": "sma-view",
    "data list": "sma-view",
    "data inspect": "sma-view",
    "benchmark": "sma-bench",
    "probe": "sma-bench",
    "cross-validate": "sma-bench",
    "ensemble": "sma-bench",
    "tune": "sma-bench",
    "explain": "sma-view",
    "score": "sma-view",
    "neighbours": "sma-view",
    "plot": "sma-view",
    "runs": "sma-view",
    "compare": "sma-view",
    "import": "sma-authors",
    "export": "sma-export",
    "export onnx": "sma-export",
    "export torch": "sma-export",
    "export authors": "sma-authors",
    "parity": "sma-authors",
    "models pack": "sma-kit",
    "plugins new": "sma-kit",
    "plugins check": "sma-kit",
}
"""Command -> the sma package that provides it, to suggest when it is not installed."""
_POLICY, _COMMANDS = "sma.policy", "sma.commands"


class CommandGroup(TyperGroup):
    """The commands that begin with ``words``, each imported when called.

    ``core`` holds the core's own commands and ``summaries`` the help of groups by name; a subclass sets both for
    the whole program. ``entry`` is a package's `typer.Typer` with exactly these words, to which other packages
    add commands; on equal names the command of the other package is used.
    """

    core: ClassVar[tuple[InstalledCommand, ...]] = ()
    summaries: ClassVar[dict[str, str]] = {}
    words: Words = ()
    entry: InstalledCommand | None = None

    def list_commands(self, ctx: Context) -> list[str]:  # type: ignore[override]
        """Return the names of this group's commands, the core's first; imports only ``entry``."""
        names = [command.words[len(self.words)] for command in self._below(ctx) if command.status != "disabled"]
        try:
            names += self._of_entry
        except PluginError as error:
            logger.warning("%s", error)
        return list(dict.fromkeys(names))

    def get_command(self, ctx: Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ANN401
        """Import a command and return it, or None when there is none.

        Raises `PluginError` when it is unusable; while a shell completes a line, it is then left out.
        """
        try:
            return self._imported(ctx, cmd_name)
        except PluginError:
            if ctx.resilient_parsing:
                return None
            raise

    def _imported(self, ctx: Context, cmd_name: str) -> Any:  # noqa: ANN401
        words = (*self.words, cmd_name)
        commands = self._below(ctx, cmd_name)
        exact = [command for command in commands if command.words == words]
        if len(exact) < len(commands):
            return self._subgroup(ctx, words, exact, commands)
        if not exact:
            return self._of_entry.get(cmd_name)
        if exact[0] in self.core:
            _warn_of_shadowed(ctx, words, policy_of(ctx).strict)
            return build_command(exact[0])
        return load_command(_usable(ctx, exact))

    def resolve_command(self, ctx: Context, args: list[str]) -> Any:  # type: ignore[override]  # noqa: ANN401
        """Return name, command and remaining arguments; for an unknown name, suggest a command or a package."""
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            self._fail(ctx, args[0])
        if command is not None and not isinstance(command, TyperGroup):
            command.invoke = partial(invoke, command)
        return args[0], command, args[1:]

    def format_commands(self, ctx: Context, formatter: Any) -> None:  # type: ignore[override]  # noqa: ANN401
        """Write the core's commands, then those of packages, without importing any."""
        rows: dict[str, list[tuple[str, str]]] = {"Commands": [], "Commands of plugins": []}
        names = self.list_commands(ctx)
        width = max(formatter.width - 6 - max(map(len, names), default=0), 20)
        for name in names:
            commands = self._below(ctx, name)
            title = "Commands" if any(command in self.core for command in commands) else "Commands of plugins"
            summary = textwrap.shorten(self._summary(name, commands), width, placeholder="...")
            rows[title].append((name, summary))
        for title, listed in rows.items():
            if listed:
                with formatter.section(title):
                    formatter.write_dl(listed)
        _warn_of_shadowed(ctx, self.words)

    def _below(self, ctx: Context, name: str | None = None) -> list[InstalledCommand]:
        """Return the commands below this group, or below ``name`` in it, the core's first."""
        depth = len(self.words)
        usable = (
            command for command in packaged_commands(ctx) if command.status != "invalid" and not command.shadowed
        )
        return [
            command
            for command in (*self.core, *usable)
            if len(command.words) > depth
            and command.words[:depth] == self.words
            and name in (None, command.words[depth])
        ]

    def _subgroup(
        self, ctx: Context, words: Words, exact: list[InstalledCommand], below: list[InstalledCommand]
    ) -> CommandGroup:
        """Return the group of commands ``below`` these words; ``exact`` are commands with exactly these words."""
        if all(command.status == "disabled" for command in below):
            check_usable(below[0], "", policy_of(ctx))
        summary = self._summary(words[-1], below)
        group = type(self)(name=words[-1], help=summary, no_args_is_help=True, rich_markup_mode=None)
        group.words = words
        group.entry = _usable(ctx, exact) if exact else None
        return group

    @cached_property
    def _of_entry(self) -> dict[str, Any]:
        """The commands of this group's own `typer.Typer`, by name."""
        if self.entry is None:
            return {}
        loaded = load_command(self.entry)
        if not isinstance(loaded, TyperGroup):
            raise PluginError(
                f"{self.entry.line!r} is a single command of {self.entry.provider}, but other packages add "
                f"commands to it: uninstall one of them, or make {self.entry.reference} a typer.Typer"
            )
        return dict(loaded.commands)

    def _summary(self, name: str, commands: list[InstalledCommand]) -> str:
        """Return the help line of a command or group declared by ``commands``."""
        words = (*self.words, name)
        if not commands:
            summary: str = self._of_entry[name].get_short_help_str(200)
            return summary
        first = next((command for command in commands if command.words == words), None)
        if first is None:
            packages = dict.fromkeys(command.package for command in commands)
            return self.summaries.get(" ".join(words)) or f"Commands of {' and '.join(packages)}."
        if first.status == "conflict":
            return f"(conflict: provided by both {providers(words, commands)})"
        return f"(cannot be used: {first.detail})" if first.status == "incompatible" else first.help

    def _fail(self, ctx: Context, name: str) -> None:
        """Exit with an error for an unknown command."""
        line = " ".join((*self.words, name))
        package = COMES_WITH.get(line)
        if package and package not in {normalized(command.package) for command in packaged_commands(ctx)}:
            raise PluginError(
                f"sma {line} is in the package {package}: pip install {package} (in a checkout: "
                f"pip install ./plugins/{package})"
            )
        near = ", ".join(map(repr, difflib.get_close_matches(name, self.list_commands(ctx))))
        ctx.fail(f"No such command {name!r}." + (f" Did you mean {near}?" if near else ""))


def policy_of(ctx: Context) -> PluginPolicy:
    """Return the plugin policy set by the environment and ``--no-plugins``."""
    if _POLICY not in ctx.meta:
        policy = PluginPolicy.from_environment()
        switched_off = ctx.find_root().params.get("no_plugins", False)
        ctx.meta[_POLICY] = PluginPolicy(frozenset(), policy.strict) if switched_off else policy
    result: PluginPolicy = ctx.meta[_POLICY]
    return result


def packaged_commands(ctx: Context) -> list[InstalledCommand]:
    """Return the commands of installed packages; package metadata is read once."""
    if _COMMANDS not in ctx.meta:
        program = ctx.find_root().command
        core = {command.words for command in program.core} if isinstance(program, CommandGroup) else set()
        ctx.meta[_COMMANDS] = installed_commands(policy_of(ctx), core)
    result: list[InstalledCommand] = ctx.meta[_COMMANDS]
    return result


def installed_packages(ctx: Context) -> list[str]:
    """Return name and version of each package with plugins or commands that may be used, by name."""
    plugins = [one for one in installed_plugins(policy_of(ctx)) if one.status != "disabled"]
    commands = [one for one in packaged_commands(ctx) if one.status != "disabled"]
    packages = {(one.package, one.version) for one in plugins} | {(one.package, one.version) for one in commands}
    return [f"{package} {version}" for package, version in sorted(packages)]


def _usable(ctx: Context, exact: list[InstalledCommand]) -> InstalledCommand:
    """Return the enabled command among those with the same words; raises `PluginError` when unusable."""
    command = next((command for command in exact if command.status != "disabled"), exact[0])
    check_usable(command, providers(command.words, exact), policy_of(ctx))
    return command


def _warn_of_shadowed(ctx: Context, words: Words, strict: bool = False) -> None:
    """Warn about packages' commands that clash with the core's, or raise `PluginError` when ``strict``."""
    for command in packaged_commands(ctx):
        if command.shadowed and command.words[: len(words)] == words:
            message = f"the command {command.line!r} of {command.provider} is ignored: {command.detail}"
            if strict:
                raise PluginError(message)
            logger.warning("%s", message)
