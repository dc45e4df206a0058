"""The commands of ``sma``: the core's own and those of installed packages, in one group that imports lazily.

`CommandGroup` lists commands by what their declarations say (`sma_core.plugins.commands`), and imports one only
when it is called or its own help is asked for.
"""

from __future__ import annotations

import difflib
import logging
import textwrap
from functools import cached_property
from typing import Any, ClassVar

from typer import Context
from typer.core import TyperGroup

from sma_core.errors import PluginError
from sma_core.plugins.command_loading import build_command, check_usable, load_command
from sma_core.plugins.commands import InstalledCommand, Words, installed_commands, providers
from sma_core.plugins.discovery import PluginPolicy, normalized

logger = logging.getLogger("sma")

COMES_WITH = {
    "masks": "sma-view",
    "report": "sma-view",
    "data": "sma-view",
    "data list": "sma-view",
    "data inspect": "sma-view",
    "benchmark": "sma-bench",
    "probe": "sma-bench",
    "import": "sma-authors",
    "export": "sma-authors",
    "parity": "sma-authors",
    "plugins new": "sma-kit",
    "plugins check": "sma-kit",
}
"""Command -> the package of ours that brings it, for whoever calls one that is not installed."""
_POLICY, _COMMANDS = "sma.policy", "sma.commands"


class CommandGroup(TyperGroup):
    """The commands whose first words are ``words``, each imported when it is called.

    ``core`` are the core's own commands and ``summaries`` the help of groups, by name; a subclass sets both for
    the whole program. ``entry`` is a package's command with exactly these words, a `typer.Typer` to which others
    add; where it has a command of the same name as one of theirs, theirs is used.
    """

    core: ClassVar[tuple[InstalledCommand, ...]] = ()
    summaries: ClassVar[dict[str, str]] = {}
    words: Words = ()
    entry: InstalledCommand | None = None

    def list_commands(self, ctx: Context) -> list[str]:  # type: ignore[override]
        """Return the names of this group's commands, the core's first; imports none but ``entry``."""
        names = [command.words[len(self.words)] for command in self._below(ctx) if command.status != "disabled"]
        try:
            names += self._of_entry
        except PluginError as error:
            logger.warning("%s", error)
        return list(dict.fromkeys(names))

    def get_command(self, ctx: Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ANN401
        """Import a command and return it; None when there is none. Raises `PluginError` when it is unusable."""
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
        """Return name, command and remaining arguments; of an unknown name, say what is near or brings it."""
        command = self.get_command(ctx, args[0])
        if command is None:
            self._fail(ctx, args[0])
        return args[0], command, args[1:]

    def format_commands(self, ctx: Context, formatter: Any) -> None:  # type: ignore[override]  # noqa: ANN401
        """Write the core's commands, then those of packages, without importing any of them."""
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
            command for command in installed_here(ctx) if command.status != "invalid" and not command.shadowed
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
        """Return the group of the commands ``below`` these words; ``exact`` are those with no more words."""
        if all(command.status == "disabled" for command in below):
            check_usable(below[0], "", policy_of(ctx))
        summary = self._summary(words[-1], below)
        group = type(self)(name=words[-1], help=summary, no_args_is_help=True, rich_markup_mode=None)
        group.words = words
        group.entry = _usable(ctx, exact) if exact else None
        return group

    @cached_property
    def _of_entry(self) -> dict[str, Any]:
        """The commands of the `typer.Typer` that this group's own entry names, by name."""
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
        """Return the line of help of a command or group, whose declarations are ``commands``."""
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
        """Leave with the sentence for a command that is not there."""
        line = " ".join((*self.words, name))
        package = COMES_WITH.get(line)
        if package and package not in {normalized(command.package) for command in installed_here(ctx)}:
            raise PluginError(
                f"sma {line} comes with the package {package}: pip install {package} (in a checkout: "
                f"pip install ./plugins/{package})"
            )
        near = ", ".join(map(repr, difflib.get_close_matches(name, self.list_commands(ctx))))
        ctx.fail(f"No such command {name!r}." + (f" Did you mean {near}?" if near else ""))


def policy_of(ctx: Context) -> PluginPolicy:
    """Return which plugins the program may use: the environment, and ``--no-plugins`` before the command."""
    if _POLICY not in ctx.meta:
        policy = PluginPolicy.from_environment()
        switched_off = ctx.find_root().params.get("no_plugins", False)
        ctx.meta[_POLICY] = PluginPolicy(frozenset(), policy.strict) if switched_off else policy
    found: PluginPolicy = ctx.meta[_POLICY]
    return found


def installed_here(ctx: Context) -> list[InstalledCommand]:
    """Return the commands of installed packages, read once for each call of the program."""
    if _COMMANDS not in ctx.meta:
        program = ctx.find_root().command
        core = {command.words for command in program.core} if isinstance(program, CommandGroup) else set()
        ctx.meta[_COMMANDS] = installed_commands(policy_of(ctx), core)
    found: list[InstalledCommand] = ctx.meta[_COMMANDS]
    return found


def _usable(ctx: Context, exact: list[InstalledCommand]) -> InstalledCommand:
    """Return the one of these commands with the same words that may be used; raises `PluginError` for none."""
    command = next((command for command in exact if command.status != "disabled"), exact[0])
    check_usable(command, providers(command.words, exact), policy_of(ctx))
    return command


def _warn_of_shadowed(ctx: Context, words: Words, strict: bool = False) -> None:
    """Warn of each command of a package that the core has already, or raise `PluginError` when ``strict``."""
    for command in installed_here(ctx):
        if command.shadowed and command.words[: len(words)] == words:
            sentence = f"the command {command.line!r} of {command.provider} is left out: {command.detail}"
            if strict:
                raise PluginError(sentence)
            logger.warning("%s", sentence)
