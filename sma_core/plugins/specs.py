"""What plugins hand to the core: frozen records that name heavy things by reference.

A reference is a string ``"package.module:attribute"``; it is imported when it is used, so that a
plugin's entry module stays cheap. Every spec has a ``name``, unique among its kind inside a domain,
and a one-line ``summary``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, get_args

from sma_core.plugins.api_version import API_VERSION, warn_of_deprecated_fields

InputKind = Literal["discrete", "continuous"]
SplitterNeed = Literal["labels", "kind", "folds", "fold"]
TaskKind = Literal["regression", "binary", "multilabel", "multiclass", "per-position"]

_PARTS = ("train", "valid", "test")
SPEC_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Base of all specs: a name in lower case with hyphens, and one line that says what it is."""

    NAME: ClassVar[re.Pattern[str]] = SPEC_NAME

    name: str
    summary: str

    def __post_init__(self) -> None:
        """Raise `ValueError` when the name or the summary is not usable."""
        if not isinstance(self.name, str) or not self.NAME.fullmatch(self.name):
            raise ValueError(
                f"{type(self).__name__} name {self.name!r} must be lower case letters, digits and hyphens"
            )
        if not isinstance(self.summary, str) or not self.summary.strip() or "\n" in self.summary:
            raise ValueError(f"{type(self).__name__} {self.name!r} needs a summary of one line")
        for field in fields(self):
            value = getattr(self, field.name)
            if str(field.type).startswith("tuple") and not isinstance(value, tuple):
                raise ValueError(
                    f"{type(self).__name__} {self.name!r}: {field.name} must be a tuple such as ('one',), "
                    f"not {value!r}"
                )
        warn_of_deprecated_fields(self)

    @property
    def references(self) -> dict[str, str]:
        """Field name -> reference, for every field that holds one."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if field_is_reference(name) and value}


def field_is_reference(field_name: str) -> bool:
    """Whether a spec's field holds a ``module:attribute`` string."""
    return field_name in {"factory", "locate", "check", "normalise"}


@dataclass(frozen=True, kw_only=True)
class Domain(Spec):
    """A field of data: which parts serve it when the user names none.

    ``input_kind`` tells whether rows are text, read as ids of a ``tokenizer``, or numbers (``continuous``),
    which need none. ``columns`` are names that usually hold the text. ``sentinels`` are numbers that stand for a
    missing value in continuous rows. ``recipes`` is an importable package whose ``*.toml`` files are recipes;
    empty: the general ones of `sma_core.recipes`. ``suites`` is one whose files are suites for `sma benchmark`.
    ``check`` names a function ``(texts: list[str]) -> list[str | None]`` that gives, for each row, why it cannot
    be used, or None; it runs in worker processes. ``normalise`` names a function ``(texts: list[str]) ->
    list[str]`` that gives the normal form of each row, such as a canonical spelling, and a row that has none as
    it is; it runs before the check if the setting ``data.normalise`` is on, whose default for new runs is
    ``normalised``. Rows of equal normal form are duplicates. ``renderer`` draws the rows; None: the general one
    of the package sma-view for the kind of input.

    >>> reads = Domain(name="dna", summary="DNA reads", tokenizer="bytes", reader="lines", dataset="sample")
    >>> reads.input_kind, reads.head, reads.recipe_package
    ('discrete', 'decoder', 'sma_core.recipes.discrete')
    """

    tokenizer: str | None = None
    reader: str
    dataset: str
    recipes: str | None = None
    api_version: str = API_VERSION
    input_kind: InputKind = "discrete"
    head: str = "decoder"
    task: str | None = None
    splitter: str = "random"
    columns: tuple[str, ...] = ()
    check: str | None = None
    sentinels: tuple[float, ...] = ()
    suites: str | None = None
    renderer: str | None = None
    normalise: str | None = None
    normalised: bool = False

    def __post_init__(self) -> None:
        """Raise `ValueError` when a field is not usable, or rows of text have no tokenizer."""
        super().__post_init__()
        if self.name == "any":
            raise ValueError("a Domain cannot be named 'any': the name is reserved for plugins of every domain")
        if self.input_kind == "discrete" and self.tokenizer is None:
            raise ValueError(f"Domain {self.name!r} has discrete inputs: name its tokenizer, such as 'bytes'")

    @property
    def recipe_package(self) -> str:
        """The package that holds the recipes: the domain's own, or the general ones for its kind of input."""
        return self.recipes or f"sma_core.recipes.{self.input_kind}"


@dataclass(frozen=True, kw_only=True)
class Tokenizer(Spec):
    """``factory()`` gives an object with the methods of `sma_core.data.tokenizers.DiscreteTokenizer`.

    >>> from sma_core.plugins.imports import resolve
    >>> spec = Tokenizer(name="own", summary="Bytes", factory="sma_core.data.tokenizers:ByteTokenizer")
    >>> resolve(spec.factory, "own")().encode(["ACGT", "A"]).lengths.tolist()  # with the separator
    [5, 2]
    """

    factory: str
    version: str = "1"


@dataclass(frozen=True, kw_only=True)
class Reader(Spec):
    """``factory`` is a function ``(path, column, fields, *, usual=()) -> iterator of Row | RejectedRow``.

    ``column`` names the column that holds the input; when it is None, the names in ``usual`` (the domain's
    ``columns``) are looked for. ``fields`` names further columns whose texts come along with each row.
    A reader streams; the full contract is in `sma_core.data.readers`.

    With ``reads="blocks"`` it serves domains of numbers, and is a function ``(path, columns, fields, *, names=())
    -> iterator of Block | RejectedRow``; the contract is in `sma_core.data.blocks`.

    ``suffixes`` are the file endings it serves, without compression endings: ``(".smi",)``. ``names_rows`` says
    that its rows have a ``name``, which commands write as identifiers. With ``reads_folders`` a folder is one
    source, whose path it gets; else it gets the path of each file in the folder. ``identifiers`` are the columns
    that usually name its rows of numbers, in order of preference, which `sma masks` shows.

    >>> spec = Reader(name="reads", summary="A read a line", factory="my_dna.reading:read", suffixes=(".reads",))
    >>> spec.reads, spec.references
    ('rows', {'factory': 'my_dna.reading:read'})
    """

    factory: str
    suffixes: tuple[str, ...]
    reads: Literal["rows", "blocks"] = "rows"
    names_rows: bool = False
    reads_folders: bool = False
    identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DataSet(Spec):
    """A named set of rows: a file in ``SMA_DATA/<domain>/``, one that ships, or one on the hub.

    ``file`` is the file's name in the domain's data folder; ``locate`` names a function ``() -> Path``
    for a file that ships with the plugin or one of its libraries. ``hub`` is ``"owner/name"``;
    ``hub_splits`` are the splits whose rows together make the set, ``hub_columns`` pairs of our column
    name and the hub's. ``column`` is the column that holds the text, or two, ``"a,b"``, for pairs. For rows of
    numbers ``columns`` are the features in their order (empty: all that are no labels), and ``names`` those of all
    columns when the file has no header.

    >>> spec = DataSet(name="sample", summary="600 reads", source="my laboratory", licence="CC0 1.0",
    ...                locate="my_dna.rows:sample")
    >>> spec.references
    {'locate': 'my_dna.rows:sample'}
    """

    source: str
    licence: str
    file: str | None = None
    locate: str | None = None
    hub: str | None = None
    hub_splits: tuple[str, ...] = ("train",)
    hub_columns: tuple[tuple[str, str], ...] = ()
    reader: str | None = None
    column: str | None = None
    columns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Head(Spec):
    """``factory(model_config, outputs)`` gives a module that is called with one `sma_core.nn.heads.Encoded`.

    It gives ``(B, outputs)``, or with ``per_position`` an answer for every input, ``(B, N, outputs)``.

    >>> from sma_core.config import ModelConfig
    >>> from sma_core.plugins.imports import resolve
    >>> spec = Head(name="average", summary="Mean of the latents", factory="sma_core.nn.heads:MeanHead")
    >>> head = resolve(spec.factory, "average")(ModelConfig(latent_width=32), 3)
    >>> [tuple(weight.shape) for weight in head.parameters() if weight.ndim == 2]
    [(3, 32)]
    """

    factory: str
    per_position: bool = False


@dataclass(frozen=True, kw_only=True)
class Task(Spec):
    """Labels to learn: columns of a data set, what they are, how they are split and judged.

    ``multiclass`` and ``per-position`` take one target column, of class names or of texts with a symbol for every
    character of the input; ``position_mask`` may then name a column of texts of 0 and 1 that tells which count.

    A published split is kept instead of ``splitter``: ``split_column`` names a column that says ``train``,
    ``valid`` (or ``validation``, ``val``, ``dev``) or ``test``. With ``split_values``, pairs of a value and its
    part, all other values mean training. Or the last ``test_last`` rows of the file are the test, those counted
    that cannot be used. Where no row is for validation, a share of the training rows is drawn with the split's
    seed. ``train_rows`` then takes that many training rows: for one seed, the rows of a smaller number are
    among those of a larger one.

    >>> task = Task(name="promoter", summary="Is it one?", dataset="sample", targets=("is_promoter",),
    ...             kind="binary", metric="roc_auc", split_column="part")
    >>> task.splitter
    'random'
    """

    dataset: str
    targets: tuple[str, ...]
    kind: TaskKind
    metric: str
    splitter: str = "random"
    position_mask: str | None = None
    split_column: str | None = None
    split_values: tuple[tuple[str, str], ...] = ()
    test_last: int | None = None
    train_rows: int | None = None

    def __post_init__(self) -> None:
        """Raise `ValueError` when the fields of the split are not usable together."""
        super().__post_init__()
        if self.split_column is not None and self.test_last is not None:
            raise ValueError(f"Task {self.name!r} names split_column and test_last: give one of them")
        if self.split_values and self.split_column is None:
            raise ValueError(f"Task {self.name!r} has split_values: name their column with split_column")
        for pair in self.split_values:
            if not (isinstance(pair, tuple) and len(pair) == 2 and pair[1] in _PARTS):
                raise ValueError(
                    f"Task {self.name!r}: split_values holds pairs such as ('fold 1', 'test') of a value and "
                    f"one of {', '.join(_PARTS)}, not {pair!r}"
                )
        for field in ("test_last", "train_rows"):
            count = getattr(self, field)
            if count is not None and (not isinstance(count, int) or count < 1):
                raise ValueError(f"Task {self.name!r}: {field} is a number of rows from 1, not {count!r}")


@dataclass(frozen=True, kw_only=True)
class Splitter(Spec):
    """``factory`` is a function ``(texts, valid, test, seed) -> (train, valid, test)`` of row indices.

    ``texts`` is the sequence of n raw inputs, ``valid`` and ``test`` are shares of the rows; the three
    results are one-dimensional int64 arrays that share no index.

    ``needs`` names what else it is given, each as a keyword argument of that name: ``labels``, float64 (n, T) with
    NaN where one is missing, numbers of classes where they are classes, and T = 0 where every position has one;
    ``kind``, what the labels are, as a `Task` says it; ``folds`` and ``fold``, how many folds the user asks for
    and which one, counted from 1, is the test.

    >>> from sma_core.plugins.imports import resolve
    >>> spec = Splitter(name="shuffled", summary="Random", factory="sma_core.evaluation.splits:random_split")
    >>> [len(part) for part in resolve(spec.factory, "shuffled")(["A"] * 10, 0.2, 0.3, 0)]
    [5, 2, 3]
    """

    factory: str
    seeded: bool = True
    needs: tuple[SplitterNeed, ...] = ()

    def __post_init__(self) -> None:
        """Raise `ValueError` when it needs something there is not."""
        super().__post_init__()
        for need in self.needs:
            if need not in get_args(SplitterNeed):
                known = ", ".join(get_args(SplitterNeed))
                raise ValueError(f"Splitter {self.name!r} needs {need!r}, but there are only {known}")


@dataclass(frozen=True, kw_only=True)
class Renderer(Spec):
    """``factory`` is a function ``(row: DrawnRow) -> str`` that draws one row, and what is hidden of it, as SVG.

    The SVG stands in a page among others, so it is complete in itself: no script, no style sheet, no link, and
    each id begins with the row's ``prefix``. It draws every row, whatever is hidden, importance that is NaN too.
    ``signed`` says that it also draws rows whose importance is signed (`DrawnRow.signed`), which it then gets.

    >>> spec = Renderer(name="codons", summary="Codons", factory="my_package.drawing:draw_codons")
    >>> spec.references
    {'factory': 'my_package.drawing:draw_codons'}
    """

    factory: str
    signed: bool = False


@dataclass(frozen=True, kw_only=True)
class ShippedModel(Spec):
    """A pre-trained model of the domain: ``locate()`` returns the folder of a run, as `sma models pack` writes it.

    ``rows`` says what it was trained on, ``licence`` the licence of these rows. Users name it ``dna:tiny``.

    >>> ShippedModel(name="tiny", summary="0.8 million parameters", rows="600 reads", licence="CC0 1.0",
    ...              locate="my_dna.models:tiny").references
    {'locate': 'my_dna.models:tiny'}
    """

    rows: str
    licence: str
    locate: str


@dataclass(frozen=True, kw_only=True)
class ShippedRecipe(Spec):
    """A recipe that a plugin adds to the domain: ``locate()`` returns its TOML file.

    With ``base``, a recipe of the domain itself such as ``tiny``, it holds only what differs from that. Its name
    is that of no other recipe of the domain.

    >>> spec = ShippedRecipe(name="fast", summary="tiny, few steps", base="tiny", locate="my_lab.files:fast")
    >>> spec.references
    {'locate': 'my_lab.files:fast'}
    """

    locate: str
    base: str | None = None


@dataclass(frozen=True, kw_only=True)
class ShippedSuite(Spec):
    """A suite for `sma benchmark` that a plugin adds to the domain: ``locate()`` returns its TOML file.

    Users name it ``dna:masks``; its name is that of no other suite of the domain. The file need not name the
    domain, nor tasks: without any, the domain's default task is taken.

    >>> ShippedSuite(name="masks", summary="Kinds of masks", locate="my_lab.files:masks").references
    {'locate': 'my_lab.files:masks'}
    """

    locate: str


@dataclass(frozen=True, kw_only=True)
class PredictionColumns(Spec):
    """``factory(models, value)`` gives an object that adds columns to each prediction of `sma predict`.

    ``models`` is a `sma_core.models.ensemble.Ensemble`, and ``value`` the text, number or True that the user gave.
    The object has the method ``columns(chunk, predictions)``, which returns a mapping from names to m cells, for
    the usable rows of a `sma_core.feeds.rows.RowChunk`; and may have ``figures(judged)``, which returns for each
    target a mapping from names to numbers that `sma evaluate` reports.

    >>> spec = PredictionColumns(name="interval", summary="Bounds", factory="my_package.intervals:Interval")
    >>> spec.references
    {'factory': 'my_package.intervals:Interval'}
    """

    factory: str


@dataclass(frozen=True, kw_only=True)
class TableFormat(Spec):
    """``factory(path, suffix)`` gives a context manager of an object with a method ``write(columns)``.

    ``columns`` maps names to `pyarrow.Array`, one chunk of rows at a time; it writes a new file at ``path``, which
    the core renames when it is complete. ``suffixes`` are in lower case with a dot.

    >>> TableFormat(name="tsv", summary="Tabs", factory="my_package.tsv:tsv_format", suffixes=(".tsv",)).suffixes
    ('.tsv',)
    """

    factory: str
    suffixes: tuple[str, ...]
