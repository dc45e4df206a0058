"""A plugin with one thing wrong in its renderer fails the check of renderers, and no other."""

import pytest

from sma_core.plugins import DrawnRow
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Renderer
from tests.support.wrong_plugins import Toy, breaks, failure, failures

WITH_RENDERER = (
    ("check=", 'renderer="own", check='),
    (
        "@hookimpl\ndef sma_tasks",
        "@hookimpl\ndef sma_renderers():\n"
        '    return [Renderer(name="own", summary="Words", factory="toy_plugin.own:draw")]\n\n'
        "@hookimpl\ndef sma_tasks",
    ),
)
DRAW = """
from html import escape
from itertools import count
import math

calls = count()

def draw(row):
    "Draw a row."
    text = "".join(c if c.isprintable() and c.isascii() else "?" for c in row.text)
    parts = [f'<text class="{{sorted(row.hidden)}}">{{escape(text)}}</text>']
    root = '<svg xmlns="http://www.w3.org/2000/svg">'
    {body}
    return root + "".join(parts) + "</svg>"
"""
CHECK = "test_renderers_draw_every_row"


def failure_of(check=CHECK):
    said = failure(check)
    assert said
    assert "\n" not in said
    return said


def test_a_good_renderer_holds_the_contract_and_is_found(install):
    install.toy(*WITH_RENDERER, own=DRAW.format(body="pass"))
    assert failures() == {}
    registry = Registry.load("toy")
    assert [spec.name for spec in registry.specs(Renderer)] == ["own"]
    drawing = registry.build(registry.find(Renderer, "own"))(DrawnRow(importance=(1.0,), text="a", pieces=("a",)))
    assert ">a</text>" in drawing


def test_an_extension_adds_a_renderer(install):
    install.toy()
    install.extension(
        "from sma_core.plugins import *\n\n@hookimpl\ndef sma_renderers():\n"
        "    return [Renderer(name='other', summary='Words', factory='toy_extra:draw')]\n"
    )
    assert Registry.load("toy").provider(Registry.load("toy").find(Renderer, "other")) == "sma-toy-extra 1.0"


def test_a_plugin_without_a_renderer_is_skipped(install):
    install.toy()
    with pytest.raises(pytest.skip.Exception, match="no renderer"):
        Toy().test_renderers_draw_every_row()


@breaks(CHECK)
def test_only_the_check_of_renderers_fails(install):
    install.toy(*WITH_RENDERER, own=DRAW.format(body="return None"))
    assert list(failures()) == [CHECK]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise RuntimeError('no ink')", "must draw the row 'worda' with nothing hidden: RuntimeError: no ink"),
        ("return None", "returned NoneType, not a text"),
        ("return '<p>a picture</p>'", "root is 'p', not svg"),
        ("return '<svg></svg>'", "root is 'svg', not svg of http://www.w3.org/2000/svg"),
        ("parts = [f'<text class=\"{row.hidden}\">{row.text}</text>']", "a text of markup"),
        ("root = '<!DOCTYPE svg>' + root", "has a DOCTYPE"),
        ("parts.append('<script>1</script>')", "an element 'script'"),
        ("parts.append('<style>p {}</style>')", "an element 'style'"),
        ("parts.append('<foreignObject/>')", "an element 'foreignObject'"),
        ("parts.append('<g onclick=\"1\"/>')", "an attribute 'onclick'"),
        ("parts.append('<image href=\"http://example.org/a.png\"/>')", "links to 'http://example.org/a.png'"),
        (
            "parts.append('<g style=\"fill: url(http://example.org/a)\"/>')",
            "loads 'fill: url(http://example.org/a)'",
        ),
        ("parts.append('<g id=\"shade\"/>')", "the id 'shade' must begin with the row's prefix"),
        ("1 / (len(row.importance) - len(row.hidden))", "with everything hidden: ZeroDivisionError"),
        ("int(row.importance[-1])", "with importance that is NaN: ValueError"),
        ("row.text.isascii() or 1 / 0", "a text of markup"),
        ("parts = ['<g/>']", "looks the same with all of it hidden"),
        ("parts.append(f'<g class=\"{next(calls)}\"/>')", "in the same way each time"),
    ],
)
def test_a_renderer_that_is_wrong(install, body, said):
    install.toy(*WITH_RENDERER, own=DRAW.format(body=body))
    assert said in failure_of()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", "looks the same whatever the signs"),
        ("1 / (not row.signed)", "with signed values: ZeroDivisionError"),
        ("parts.append(f'<g class=\"{row.importance[0] < 0}\"/>')", ""),
    ],
)
def test_a_renderer_that_says_it_is_signed_shows_signs(install, body, said):
    signed = tuple((old, new.replace('own:draw"', 'own:draw", signed=True')) for old, new in WITH_RENDERER)
    install.toy(*signed, own=DRAW.format(body=body))
    assert said in failure(CHECK)
    assert bool(said) == bool(failure(CHECK))


def test_an_id_that_begins_with_the_prefix_and_a_link_inside_are_fine(install):
    body = 'parts.append(f\'<g id="{row.prefix}a"/><use href="#{row.prefix}a" fill="url(#{row.prefix}a)"/>\')'
    install.toy(*WITH_RENDERER, own=DRAW.format(body=body))
    assert failure(CHECK) == ""


def test_a_domain_that_names_a_renderer_there_is_not(install):
    install.toy(('check="toy', 'renderer="owm", check="toy'), *WITH_RENDERER[1:], own=DRAW.format(body="pass"))
    assert "change renderer='owm' of the Domain spec" in failure_of()
    assert "did you mean 'own'?" in failure_of()


def test_a_renderer_that_is_not_there(install):
    install.toy(*WITH_RENDERER, own="")
    assert "toy_plugin.own:draw" in failure_of()
    assert "toy_plugin.own:draw" in failure_of("test_every_reference_resolves")


NUMBERS = (
    ('tokenizer="bytes", reader="lines"', 'input_kind="continuous", reader="table"'),
    (', check="toy_plugin.parts:check"', ', renderer="own"'),
    ('locate="toy_plugin.parts:words"', 'locate="toy_plugin.parts:words", columns=("a", "b")'),
    ('"words.txt"', '"boxes.csv"'),
    WITH_RENDERER[1],
)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", None),
        ("int(row.values[0])", "features with other names and missing values with nothing hidden: ValueError"),
        ("{'a': 1, 'b': 2}[row.features[0]]", "features with other names and missing values"),
    ],
)
def test_a_renderer_of_numbers(install, body, said):
    place = install.toy(*NUMBERS, own=DRAW.format(body=body))
    (place / "toy_plugin/boxes.csv").write_text("letters,a,b\n" + "".join(f"{n},{n},{n % 5}\n" for n in range(9)))
    if said is None:
        Toy().test_renderers_draw_every_row()
    else:
        assert said in failure_of()
