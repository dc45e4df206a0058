"""Options that messages name exist for the command that prints them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sma_core
from sma_core.cli.program.app import COMMANDS
from sma_core.cli.program.option_names import SETTINGS, in_options, invoke
from sma_core.config import FinetuneConfig, PretrainConfig
from sma_core.config.layers import dump, flatten
from sma_core.errors import UserError
from sma_core.plugins.commands.command_list import core_commands
from sma_core.plugins.commands.command_loading import build_command

ROOT = Path(sma_core.__file__).parent
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
WHOLE_COMMAND = re.compile(r"(?:sma (?P<words>[a-zA-Z ]+)|pip \w+) ")
OF_THE_PROGRAM = {"--debug", "--no-plugins", "--help"}
PARTS_OF_A_LINE = {"--set", "--domain", "--resume", "--domain VALUE", "--part valid"}
"""Names of layers of settings, and options that are added to a complete command."""
CORE = {" ".join(command.words): command for command in core_commands(COMMANDS)}


def options_of(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts} | OF_THE_PROGRAM


def strings_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module with their lines: no docstrings, no help of options."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr | ast.Expr)
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in ("typer.Option", "typer.Argument"))
        for inner in ast.walk(node)
        if inner is not node
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "VALUE" for part in node.values)
            yield node.lineno, "".join(map(str, parts))


def sentences() -> Iterator[tuple[str, str]]:
    for path in sorted(ROOT.rglob("*.py")):
        if path.relative_to(ROOT).parts[0] != "cli":
            for line, text in strings_of(path):
                if OPTION.search(text):
                    yield f"{path.relative_to(ROOT)}:{line}", text


def test_the_rooms_below_the_command_line_name_settings_and_no_options() -> None:
    """An option stands only in a complete command, such as ``sma finetune --model RUN``, and exists for it."""
    wrong = []
    for place, text in sentences():
        if text.strip() in PARTS_OF_A_LINE:
            continue
        for option in OPTION.finditer(text):
            if option[0] in OF_THE_PROGRAM:
                continue
            commands = list(WHOLE_COMMAND.finditer(text, 0, option.start()))
            words = commands[-1]["words"] if commands else ""
            known = next((name for name in CORE if words and words.startswith(name)), None)
            if not commands or (known and option[0] not in options_of(build_command(CORE[known]))):
                wrong.append(f"{place}: {text}")
    assert wrong == []


def test_modules_of_commands_name_their_own_options() -> None:
    wrong = []
    for command in CORE.values():
        path = ROOT.parent.joinpath(*command.reference.split(":")[0].split(".")).with_suffix(".py")
        for line, text in strings_of(path):
            if text.strip() in PARTS_OF_A_LINE:
                continue
            for option in OPTION.finditer(text):
                whole = [match for match in WHOLE_COMMAND.finditer(text, 0, option.start()) if match["words"]]
                words = next((name for name in CORE if whole and whole[-1]["words"].startswith(name)), None)
                shown = CORE[words] if words else command
                if option[0] not in options_of(build_command(shown)) and not (whole and words is None):
                    wrong.append(f"{path.name}:{line}: {text}")
    assert wrong == []


def test_settings_of_options_exist() -> None:
    known = set()
    for config in (PretrainConfig, FinetuneConfig):
        known |= set(config.model_fields) | {name for name, _ in flatten(dump(config.model_construct()))}
    fields = {
        f"{section}.{name}"
        for config in (PretrainConfig, FinetuneConfig)
        for section, field in config.model_fields.items()
        for name in getattr(field.annotation, "model_fields", {})
    }
    assert set(SETTINGS.values()) <= known | fields


@pytest.mark.parametrize(
    ("words", "message", "shown"),
    [
        ("predict", "name one with data.column", "name one with --input"),
        ("predict", "name a reader with `data.reader=NAME`", "name a reader with --reader NAME"),
        ("train", "name a reader with `data.reader=NAME`", "name a reader with --set data.reader=NAME"),
        ("finetune", "use `kind=regression`", "use --kind regression"),
        (
            "train",
            "continue with `resume`, or training.workers=0",
            "continue with --resume, or --set training.workers=0",
        ),
        ("train", "masking.anneal_end=0.5, or raise it", "--set masking.anneal_end=0.5, or raise it"),
        ("predict", "raise model.max_length", "raise model.max_length"),
        ("predict", "runs/a/model.json and data.csv", "runs/a/model.json and data.csv"),
        ("finetune", "try `metric=rmse`", "try --metric rmse"),
        ("finetune", "keep them together with split.group=true", "keep them together with --group"),
        ("evaluate", "use `kind=regression`", "use `kind=regression`"),
    ],
)
def test_messages_name_the_options_of_the_running_command(words: str, message: str, shown: str) -> None:
    command = build_command(CORE[words])

    def fails(**_: object) -> None:
        raise UserError(in_options(message) + "|" + message)

    command.callback = fails
    command.params_given = None
    context = command.make_context(words, ["--help"], resilient_parsing=True)
    with pytest.raises(UserError) as raised:
        invoke(command, context)
    assert str(raised.value) == f"{shown}|{shown}"
    assert in_options(message) == message, "outside a command nothing changes"
