"""What every domain plugin must hold to, as tests that its author inherits.

Each check fails with one sentence that says what to change in the plugin. A check that does not apply
(no check function, no sample) is skipped and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sma_core.plugins.discovery import PluginPolicy, installed_plugins
from sma_core.plugins.references import resolve
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import DataSet, Head, Reader, Renderer, Spec, Splitter, Task, Tokenizer
from sma_core.testing import probes
from sma_core.testing.drawing import DrawingContract
from sma_core.testing.numbers import NumbersContract
from sma_core.testing.shipped import ShippedContract
from sma_core.testing.verdicts import explained, fail, skip

if TYPE_CHECKING:
    from sma_core.config import PretrainConfig
    from sma_core.data.tokenizers import DiscreteTokenizer

KINDS: tuple[type[Spec], ...] = (Tokenizer, Reader, DataSet, Head, Task, Splitter, Renderer)
SAMPLE_ROWS = 300


class DomainContract(NumbersContract, ShippedContract, DrawingContract):
    """Subclass this in a test and set ``domain`` and ``good_rows``; the rest may stay.

    A domain of numbers needs no ``good_rows``.
    ``good_rows`` are inputs the domain's check accepts, ``bad_rows`` some it refuses. ``sample_file`` is a
    file in the domain's default format, needed only when no data set ships. ``allowed_imports`` are
    third-party packages that the entry module may import because they are quick to import.
    """

    domain: ClassVar[str]
    good_rows: ClassVar[Sequence[str]] = ()
    bad_rows: ClassVar[Sequence[str]] = ()
    sample_file: ClassVar[Path | None] = None
    allowed_imports: ClassVar[Sequence[str]] = ()

    # Discovery and specs

    def test_entry_point_is_installed_under_the_domains_name(self) -> None:
        """One usable entry point of the group sma.plugins has the domain's name."""
        own = [plugin for plugin in installed_plugins(_policy(self.domain)) if plugin.name == self.domain]
        if not own:
            fail(
                f"no installed package has an entry point {self.domain!r} in the group 'sma.plugins': add it to "
                '[project.entry-points."sma.plugins"] in the plugin\'s pyproject.toml and install it again'
            )
        if own[0].status != "installed":
            fail(f"the entry point {self.domain!r} of {own[0].package} is not usable: {own[0].detail}")

    def test_entry_module_imports_nothing_heavy(self) -> None:
        """Importing the entry module and calling its hooks brings in no third-party package."""
        own = [plugin for plugin in installed_plugins(_policy(self.domain)) if plugin.name == self.domain]
        if not own:
            skip("the plugin is not installed")
        with explained(f"importing {own[0].module} and calling its hooks must work by itself"):
            heavy = sorted(set(probes.imported_by(own[0].module)) - set(self.allowed_imports))
        if heavy:
            fail(
                f"importing {own[0].module} also imports {', '.join(heavy)}: move what needs it into another "
                'module and name that by reference, as in factory="package.module:function"'
            )

    def test_every_reference_resolves(self) -> None:
        """What the specs name as package.module:attribute is there and can be called."""
        registry = self._registry()
        for spec in [registry.domain, *_own_specs(registry)]:
            for field, reference in spec.references.items():
                with explained(f"mend {field} of the {type(spec).__name__} {spec.name!r}"):
                    value = resolve(reference, f"{type(spec).__name__} {spec.name!r}")
                if not callable(value):
                    fail(f"{field} of the {type(spec).__name__} {spec.name!r} must name a function or class")

    def test_domain_names_parts_that_exist(self) -> None:
        """The defaults of the Domain spec are specs of this plugin or of the core."""
        registry = self._registry()
        domain = registry.domain
        named: list[tuple[str, type[Spec], str | None]] = [
            ("tokenizer", Tokenizer, domain.tokenizer),
            ("dataset", DataSet, domain.dataset),
            ("head", Head, domain.head),
            ("task", Task, domain.task),
            ("splitter", Splitter, domain.splitter),
        ]
        for field, kind, name in named:
            if name is not None:
                with explained(f"change {field}={name!r} of the Domain spec, or add such a {kind.__name__}"):
                    registry.find(kind, name)
        with explained(f"change reader={domain.reader!r} of the Domain spec, or add such a Reader"):
            registry.reader_for(Path(), domain.reader)

    def test_tasks_name_parts_that_exist(self) -> None:
        """Every task has targets, and a data set, splitter and metric that exist."""
        from sma_core.evaluation.metrics import find_metric
        from sma_core.training.targets import check_columns

        registry = self._registry()
        for task in registry.specs(Task):
            with explained(f"mend the Task {task.name!r}"):
                registry.find(DataSet, task.dataset)
                registry.find(Splitter, task.splitter)
                find_metric(task.metric, task.kind)
                check_columns(task.targets, task.kind)
            if not task.targets or len(set(task.targets)) < len(task.targets):
                fail(f"the Task {task.name!r} must name one or more different target columns in targets")

    def test_summaries_tell_something(self) -> None:
        """Every spec has a summary that says more than its name."""
        registry = self._registry()
        for spec in [registry.domain, *_own_specs(registry)]:
            if spec.summary.strip().lower().rstrip(".") in ("", spec.name, "todo"):
                fail(f"the summary of the {type(spec).__name__} {spec.name!r} must say what it is in one line")

    def test_data_sets_state_where_they_come_from(self) -> None:
        """Every data set has source and licence, and a way to get its rows."""
        for spec in self._registry().specs(DataSet):
            if not spec.source.strip() or not spec.licence.strip():
                fail(f"the DataSet {spec.name!r} must state its source and its licence")
            if not (spec.file or spec.locate or spec.hub):
                fail(f"the DataSet {spec.name!r} needs one of file, locate or hub to be found by")

    def test_readers_serve_endings(self) -> None:
        """Readers name file endings in lower case with a dot, without compression."""
        for reader in self._registry().specs(Reader):
            for suffix in reader.suffixes:
                if not suffix.startswith(".") or suffix != suffix.lower() or suffix in (".gz", ".zst"):
                    fail(
                        f"the ending {suffix!r} of the Reader {reader.name!r} must be lower case with a dot, and "
                        "no compression: those are taken off before"
                    )

    # Tokenizer

    def test_tokenizer_gives_ids_in_range_that_end_with_the_separator(self) -> None:
        """All ids are below vocabulary_size, and each row ends with separator_id, unicode rows too."""
        tokenizer = self._tokenizer()
        rows = [*self._good_rows(), "ä 漢 🙂"]
        encoded = tokenizer.encode(rows)
        if len(encoded) != len(rows):
            fail(f"the tokenizer's encode must give as many rows as it got, not {len(encoded)} for {len(rows)}")
        for index, text in enumerate(rows):
            ids = encoded[index].tolist()
            if not ids or ids[-1] != tokenizer.separator_id:
                fail(f"the tokenizer must end every row with separator_id; the ids of {text!r} do not")
            if min(ids) < 0 or max(ids) >= tokenizer.vocabulary_size:
                fail(f"the tokenizer's ids must be below vocabulary_size; those of {text!r} go to {max(ids)}")

    def test_tokenizer_gives_the_text_back(self) -> None:
        """decode(encode(row)) is the row, for good rows."""
        tokenizer, rows = self._tokenizer(), self._good_rows()
        encoded = tokenizer.encode(rows)
        for index, text in enumerate(rows):
            back = tokenizer.decode(encoded[index])
            if back != text:
                fail(f"the tokenizer's decode must give the text back: {text!r} became {back!r}")

    def test_tokenizer_is_deterministic(self) -> None:
        """The ids of a row depend on nothing but the row, not on its neighbours."""
        tokenizer, rows = self._tokenizer(), self._good_rows()
        together, again = tokenizer.encode(rows), self._tokenizer().encode(rows)
        for index, text in enumerate(rows):
            alone = tokenizer.encode([text])[0].tolist()
            if not together[index].tolist() == again[index].tolist() == alone:
                fail(f"the tokenizer must give {text!r} the same ids each time, alone and among others")

    def test_tokenizer_takes_an_empty_list(self) -> None:
        """encode([]) is no error and gives no rows."""
        tokenizer = self._tokenizer()
        with explained("the tokenizer's encode must take an empty list"):
            encoded = tokenizer.encode([])
        if len(encoded) or encoded.offsets.tolist() != [0]:
            fail("the tokenizer's encode([]) must give no values and the offsets [0]")

    # Check function

    def test_check_accepts_good_rows(self) -> None:
        """The check answers None for every good row, and one answer a row."""
        reference, rows = self._check(), self._good_rows()
        answers = self._answers(reference, rows)
        for text, answer in zip(rows, answers, strict=True):
            if answer is not None:
                fail(f"{reference} must answer None for the good row {text!r}, not {answer!r}")
        self._answers(reference, [])

    def test_check_rejects_bad_rows_with_a_reason(self) -> None:
        """The check answers with a reason for every bad row, whatever stands beside it."""
        reference = self._check()
        if not self.bad_rows:
            fail("set bad_rows on the test class to a few rows that the domain's check must refuse")
        rows = [*self._good_rows()[:1], *self.bad_rows]
        for text, answer in list(zip(rows, self._answers(reference, rows), strict=True))[1:]:
            if not isinstance(answer, str) or not answer.strip():
                fail(f"{reference} must give a reason in words for the bad row {text!r}, not {answer!r}")

    def test_check_works_in_another_process(self) -> None:
        """A spawned process can import the check by its name and gets the same answers."""
        reference, rows = self._check(), [*self._good_rows(), *self.bad_rows]
        with explained(f"{reference} must work in a spawned process, by its name alone"):
            there = probes.call_in_new_process(reference, rows)
        if there != self._answers(reference, rows):
            fail(f"{reference} must give the same answers in another process")

    # Rows, splits, heads, training

    def test_sample_is_read_and_passes_the_check(self) -> None:
        """The default set (when it ships) or sample_file gives rows that mostly pass the check."""
        from sma_core.config import DataConfig
        from sma_core.data.records import Row

        if self._registry().domain.input_kind != "discrete":
            skip("the domain's inputs are continuous")
        if (found := self._sample_records()) is None:
            skip("the default data set does not ship; set sample_file to test the reader")
        label, records = found
        rows = [record.text for record in records if isinstance(record, Row)]
        if not rows:
            fail(f"the reader must yield usable rows (sma_core.data.records.Row) from {label}")
        check = self._registry().domain.check
        good = sum(a is None for a in self._answers(check, rows)) if check else len(rows)
        if good < (1 - DataConfig().max_rejected) * len(records):
            fail(f"only {good} of the first {len(records)} rows of {label} can be used: mend reader, check or set")

    def test_splitters_divide_the_rows(self) -> None:
        """Three parts of int64 indices share no row, the same for the same seed; rows may be left out."""
        registry, rows = self._registry(), self._rows()
        rows = (rows * (30 // len(rows) + 1))[: max(len(rows), 30)]
        for spec in registry.specs(Splitter):
            with explained(f"the Splitter {spec.name!r} must divide {len(rows)} rows of this domain"):
                split = partial(registry.build(spec), **probes.needed_by(spec, len(rows)))
                parts, again = split(rows, 0.1, 0.1, 3), split(rows, 0.1, 0.1, 3)
                lists = [part.tolist() for part in parts]
                types = {str(part.dtype) for part in parts}
            together = [row for part in lists for row in part]
            if len(lists) != 3 or types != {"int64"} or not all(lists):
                fail(f"the Splitter {spec.name!r} must give three int64 arrays, none of them empty")
            if len(set(together)) != len(together) or not set(together) <= set(range(len(rows))):
                fail(f"the Splitter {spec.name!r} must put no row into two parts, and name only rows there are")
            if lists != [part.tolist() for part in again]:
                fail(f"the Splitter {spec.name!r} must give the same parts for the same seed")

    def test_heads_give_outputs_of_the_right_shape(self) -> None:
        """Heads give (B, outputs), those that answer for every position (B, N, outputs)."""
        registry = self._registry()
        for spec in registry.specs(Head):
            with explained(f"the Head {spec.name!r} must be made by factory(model_config, outputs)"):
                shape = probes.head_shape(registry.build(spec), rows=2, length=7, outputs=3)
            due = (2, 7, 3) if spec.per_position else (2, 3)
            if shape != due:
                fail(f"the Head {spec.name!r} must give outputs of shape {due}, it gave {shape}")

    def test_one_training_step_is_finite(self) -> None:
        """A small model takes one step on good rows, masked as the tiny recipe says."""
        tokenizer = self._tokenizer()
        with explained("one training step on good_rows must work; look at the tokenizer and the tiny recipe"):
            config = self._pretraining("tiny")
            finite = probes.train_a_step(tokenizer, config, self._good_rows()[:16])
        if not finite:
            fail("one training step on good_rows gives no finite loss: look at the tokenizer's ids")

    # What the checks look at

    def _registry(self) -> Registry:
        with explained("the plugin must load"):
            return Registry.load(self.domain, _policy(self.domain))

    def _pretraining(self, recipe: str) -> PretrainConfig:
        return _pretraining(self._registry(), recipe)

    def _tokenizer(self) -> DiscreteTokenizer:
        registry = self._registry()
        from sma_core.verbs.inputs import build_tokenizer

        if registry.domain.input_kind != "discrete":
            skip("the domain's inputs are continuous")
        with explained("the domain's tokenizer must be made by factory()"):
            return build_tokenizer(registry, None)

    def _good_rows(self) -> list[str]:
        if not self.good_rows:
            fail("set good_rows on the test class to a few rows that the domain's check accepts")
        return list(self.good_rows)

    def _check(self) -> str:
        reference = self._registry().domain.check
        if reference is None:
            skip("the domain has no check function")
        return reference

    def _answers(self, reference: str, rows: list[str]) -> list[str | None]:
        with explained(f"{reference} must answer, never raise"):
            answers: list[str | None] = resolve(reference, f"the domain {self.domain!r}")(list(rows))
        if not isinstance(answers, list) or len(answers) != len(rows):
            fail(f"{reference} must return a list with as many answers as it got rows")
        return answers

    def _sample_records(self) -> tuple[str, list[Any]] | None:
        from sma_core.verbs.datasets import locate

        registry = self._registry()
        with explained("the domain's reader must read its sample"):
            if self.sample_file is not None:
                reader = registry.find(Reader, registry.domain.reader)
                label, path, column = self.sample_file.name, self.sample_file, None
            else:
                spec = registry.find(DataSet, registry.domain.dataset)
                if spec.locate is None:
                    return None
                path, label, column = locate(registry, spec), spec.name, spec.column
                reader = registry.reader_for(path, spec.reader)
            return label, probes.read_some(registry, reader, path, column, SAMPLE_ROWS)

    def _rows(self) -> list[str]:
        """Rows that pass the check: of the sample where there is one, else the good rows; for numbers empty."""
        from sma_core.data.records import Row

        if self._registry().domain.input_kind != "discrete":
            return [""] * SAMPLE_ROWS
        found = self._sample_records()
        rows = [record.text for record in found[1] if isinstance(record, Row)] if found else []
        check = self._registry().domain.check
        if check and rows:
            rows = [t for t, answer in zip(rows, self._answers(check, rows), strict=True) if answer is None]
        return rows or self._good_rows()


def _policy(domain: str) -> PluginPolicy:
    return PluginPolicy(frozenset({domain}), strict=True)


def _own_specs(registry: Registry) -> list[Spec]:
    """All specs that are not the core's own."""
    return [
        spec
        for kind in KINDS
        for spec in registry.specs(kind)
        if registry.provider(spec) != registry.packages["core"]
    ]


def _pretraining(registry: Registry, recipe: str) -> PretrainConfig:
    from sma_core.verbs.settings import Request, pretrain_settings

    return pretrain_settings(registry, Request(recipe)).config
