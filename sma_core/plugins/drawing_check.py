"""Whether what a renderer gave can stand in a page: an SVG, complete in itself, that does nothing to the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
FORBIDDEN = ("script", "style", "foreignObject", "iframe")
"""Elements that could act, load something, or change the page around the drawing."""

_DECLARATION = re.compile(r"\A\s*<\?xml\s[^>]*\?>")
_OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)", re.IGNORECASE)


def checked(drawing: object, prefix: str = "") -> str:
    """Return a drawing as it can stand in a page, without an XML declaration.

    Raises `ValueError` with the reason when it is no text, no well-formed SVG, holds an element that acts, an
    attribute that loads or runs something, or an id that does not begin with ``prefix``.
    """
    if not isinstance(drawing, str):
        raise ValueError(f"it returned {type(drawing).__name__}, not a text")
    text = _DECLARATION.sub("", drawing, count=1).strip()
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("the drawing has a DOCTYPE, which cannot stand inside a page")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"the drawing is no well-formed XML: {error}") from None
    if root.tag != f"{SVG}svg":
        raise ValueError(f"the drawing's root is {root.tag!r}, not svg of http://www.w3.org/2000/svg")
    for element in root.iter():
        for problem in _problems(element, prefix):
            raise ValueError(problem)
    return text


def _problems(element: ElementTree.Element, prefix: str) -> Iterator[str]:
    """Yield what is wrong with one element and its attributes."""
    name = _local(element.tag)
    if name in FORBIDDEN:
        yield f"the drawing has an element {name!r}, which has no place in a picture"
    for key, value in element.attrib.items():
        attribute = _local(key)
        if attribute.lower().startswith("on"):
            yield f"the drawing has an attribute {attribute!r}, which runs a script"
        if attribute in ("href", "src") and not value.startswith("#"):
            yield f"the drawing links to {value!r}, but must be complete in itself"
        if _OUTSIDE.search(value):
            yield f"the drawing loads {value!r}, but must be complete in itself"
        if attribute == "id" and not value.startswith(prefix):
            yield f"the id {value!r} must begin with the row's prefix, or drawings of one page would be mixed up"


def _local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]
