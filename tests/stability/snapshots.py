"""What others rely on, as text: the plugin API, and the options of the command line.

``python -m tests.stability.snapshots --write`` writes both files anew; without the option it prints them.
"""

from __future__ import annotations

import inspect
import sys
import tomllib
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

from sma_core import plugins
from sma_core.cli.program.app import COMMANDS, app
from sma_core.plugins import API_VERSION, events, hookspecs
from sma_core.plugins.api_version import deprecation
from sma_core.plugins.commands.command_list import core_commands
from sma_core.plugins.imports import resolve

FOLDER = Path(__file__).parent
COMMAND = "python -m tests.stability.snapshots --write"


def plugin_api() -> str:
    """Every hook with its signature and first line, every record that plugins give or get with its fields."""
    hooks = {name: each for name, each in vars(hookspecs).items() if name.startswith("sma_")}
    lines = [f"plugin API {API_VERSION}", "", f"from sma_core.plugins: {', '.join(sorted(plugins.__all__))}"]
    for name, hook in sorted(hooks.items()):
        lines += ["", f"{name}{inspect.signature(hook)}", f"  {inspect.getdoc(hook).splitlines()[0]}"]
    for kind in sorted(records(), key=lambda kind: kind.__name__):
        bases = ", ".join(base.__name__ for base in kind.__bases__ if base is not object)
        lines += ["", f"class {kind.__name__}({bases})" if bases else f"class {kind.__name__}"]
        hints = get_type_hints(kind)
        lines += [f"  {described(each, hints[each.name])}" for each in fields(kind)]
    return "\n".join(lines) + "\n"


def records() -> list[type]:
    """Dataclasses that authors meet: specs, and the events of a run."""
    found = [*(getattr(plugins, name) for name in plugins.__all__), *vars(events).values()]
    return [each for each in found if isinstance(each, type) and is_dataclass(each)]


def described(field: Field[Any], hint: Any) -> str:
    """A field with type and default, and what there is to say when it is deprecated."""
    if field.default_factory is not MISSING:
        default = f" = {field.default_factory.__name__}()"
    else:
        default = "" if field.default is MISSING else f" = {field.default!r}"
    old = f"  # {deprecation(field)}" if deprecation(field) else ""
    return f"{field.name}: {inspect.formatannotation(hint)}{default}{old}"


def command_line() -> str:
    """The core's commands, with the name, type and default of each of their arguments and options."""
    functions = {command.line: resolve(command.reference, command.line) for command in core_commands(COMMANDS)}
    return paragraphs({"sma": app.registered_callback.callback} | functions)


def commands_of_packages() -> str:
    """The same of the commands that packages of this repository add."""
    declared: dict[str, str] = {}
    for project in sorted((FOLDER.parents[1] / "plugins").glob("*/pyproject.toml")):
        facts = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        declared |= facts.get("entry-points", {}).get("sma.commands", {})
    commands = sorted(core_commands(declared), key=lambda command: command.line)
    return paragraphs({command.line: resolve(command.reference, command.line) for command in commands})


def paragraphs(functions: dict[str, Any]) -> str:
    """A paragraph for each command."""
    return "\n\n".join(paragraph(line, function) for line, function in functions.items()) + "\n"


def paragraph(path: str, verb: Any) -> str:
    """A verb and its options, sorted, after its arguments in their order."""
    parameters = inspect.signature(verb, eval_str=True).parameters.values()
    found = [(each, *get_args(each.annotation)) for each in parameters if get_args(each.annotation)[1:]]
    arguments = [parameter_line(*each) for each in found if isinstance(each[2], ArgumentInfo)]
    options = sorted(parameter_line(*each) for each in found if isinstance(each[2], OptionInfo))
    return "\n".join([path, *(f"  {line}" for line in [*arguments, *options])])


def parameter_line(parameter: inspect.Parameter, hint: Any, info: ArgumentInfo | OptionInfo) -> str:
    """One argument or option."""
    # typer takes the first name of an annotated option for its default.
    declared = [name for name in (info.default, *(info.param_decls or ())) if isinstance(name, str)]
    names = " ".join(declared) or parameter.name.upper()
    needed = parameter.default is inspect.Parameter.empty
    bounds = "".join(
        f", {word} {value:g}" for word in ("min", "max") if (value := getattr(info, word)) is not None
    )
    default = "required" if needed else f"default {parameter.default!r}"
    return f"{names}: {inspect.formatannotation(hint)}, {default}{bounds}"


SNAPSHOTS = {
    "plugin-api.txt": plugin_api,
    "command-line.txt": command_line,
    "commands-of-packages.txt": commands_of_packages,
}


def main() -> None:
    """Print the snapshots, or with ``--write`` put them beside this file."""
    for name, text in SNAPSHOTS.items():
        if "--write" in sys.argv[1:]:
            (FOLDER / name).write_text(text(), encoding="utf-8")
        else:
            print(text())


if __name__ == "__main__":
    main()
