"""The pages' links lead somewhere, and a link that names what a module defines leads to that module."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("*.md", "docs/*.md", "plugins/*/README.md", "benchmarks/**/*.md", "tests/**/*.md")
PAGES = sorted(page for place in PLACES for page in ROOT.glob(place))
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
ELSEWHERE = ("http://", "https://", "mailto:", "#")
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)


def prose(text: str) -> str:
    """Return a page's text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def defined_in(source: Path) -> set[str]:
    """Return what a module defines: functions, classes, names, and ``Class.member`` for those inside a class."""
    found = set()
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        found |= names_of(node)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for inner in node.body for name in names_of(inner)}
    return found


def names_of(node: ast.stmt) -> set[str]:
    """Return the names that a statement gives a meaning, imports aside."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def module_named(path: Path) -> str:
    """Return the dotted name under which a file of this tree is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[parts.index("src") + 1 :] if "src" in parts else parts).removesuffix(".__init__")


def anchors(text: str) -> set[str]:
    """Return the anchors that a page's headings make."""
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(text))]
    return {heading.replace(" ", "-") for heading in plain}


def mistakes(page: Path) -> list[str]:
    """Return a sentence for every link of a page that leads nowhere, or to a module without what it names."""
    wrong = []
    text = page.read_text(encoding="utf-8")
    for label, target in LINK.findall(prose(text)):
        if target.startswith(ELSEWHERE) and not (target[0] == "#" and target[1:] not in anchors(text)):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        name = re.fullmatch(r"`([\w.]+)`", label)
        if not place.exists():
            wrong.append(f"{page.name}: there is no {path}")
        elif place.suffix == ".py" and anchor:
            wrong.append(f"{page.name}: name what is meant in {path}, not a line")
        elif place.suffix == ".md" and anchor and anchor not in anchors(place.read_text(encoding="utf-8")):
            wrong.append(f"{page.name}: {path} has no heading for #{anchor}")
        elif place.suffix == ".py" and name and name[1] not in {*defined_in(place), module_named(place)}:
            wrong.append(f"{page.name}: {path} defines no {name[1]}")
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_every_link_leads_to_what_it_names(page):
    assert mistakes(page) == []


def test_the_method_is_linked_to_its_code():
    assert len(re.findall(r"\[`[\w.]+`\]\([^)]+\.py\)", (ROOT / "docs" / "method.md").read_text())) > 30


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("[`here`](code.py)", None),
        ("[`Kind.method`](code.py)", None),
        ("[`LIMIT`](code.py)", None),
        ("[the second](other.md#a-heading-of-2-words)", None),
        ("[above](#page)", None),
        ("```\n[no link](nowhere)\n```", None),
        ("[`gone`](code.py)", "code.py defines no gone"),
        ("[`Kind.gone`](code.py)", "code.py defines no Kind.gone"),
        ("[`Path`](code.py)", "code.py defines no Path"),
        ("[`here`](code.py#L3)", "name what is meant in code.py, not a line"),
        ("[`here`](gone.py)", "there is no gone.py"),
        ("[the second](other.md#gone)", "other.md has no heading for #gone"),
        ("[above](#gone)", " has no heading for #gone"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path, monkeypatch, link, said):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "code.py").write_text(
        "from pathlib import Path\n\nLIMIT = 3\n\n\ndef here(): ...\n\n\nclass Kind:\n    def method(self): ...\n"
    )
    (tmp_path / "other.md").write_text("# Other\n\n## A heading of `2` words\n")
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{link}\n")
    assert mistakes(page) == ([] if said is None else [f"page.md: {said}"])
