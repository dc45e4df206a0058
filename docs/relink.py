"""Keep the links from the pages to lines of code right.

A link looks like ``[`Encoder.finish`](../sma_core/nn/encoder.py#L58)``: the text names what is defined, the number
is that of its ``def`` or ``class`` line. ``python docs/relink.py`` writes the numbers anew; with ``--check`` it
only says which are wrong, and leaves with status 1 when one is.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
_LINK = re.compile(r"\[`([\w.]+)`\]\((\.\./[\w/.-]+\.py)#L(\d+)\)")


def lines_of(source: Path) -> dict[str, int]:
    """Map every function, class and method of a module to its line: ``Class.method`` for those inside a class."""
    found = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node.lineno
        if isinstance(node, ast.ClassDef):
            methods = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
            found |= {f"{node.name}.{method.name}": method.lineno for method in methods}
    return found


def relinked(page: Path) -> tuple[str, list[str]]:
    """Return the page's text with right numbers, and a sentence for each that was wrong or names nothing."""
    wrong = []

    def mend(match: re.Match[str]) -> str:
        name, path, number = match[1], match[2], int(match[3])
        source = (DOCS / path).resolve()
        line = lines_of(source).get(name) if source.is_file() else None
        if line is None:
            wrong.append(f"{page.name}: {path} defines no {name}")
            return match[0]
        if line != number:
            wrong.append(f"{page.name}: {name} stands at line {line} of {path}, not {number}")
        return f"[`{name}`]({path}#L{line})"

    return _LINK.sub(mend, page.read_text(encoding="utf-8")), wrong


def main() -> None:
    """Mend or check every page."""
    check, left = "--check" in sys.argv[1:], []
    for page in sorted(DOCS.glob("*.md")):
        text, wrong = relinked(page)
        if check:
            left += wrong
        else:
            left += [sentence for sentence in wrong if " defines no " in sentence]
            page.write_text(text, encoding="utf-8")
    if left:
        print("\n".join(left))
        sys.exit(1)


if __name__ == "__main__":
    main()
