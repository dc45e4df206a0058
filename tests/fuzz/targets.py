"""What is attacked: every reader, the files of run folders and caches, and settings."""

from __future__ import annotations

import importlib.util
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import sma_core
from sma_core.checkpoints.manifest import SEAL
from sma_core.config import DataConfig
from sma_core.config.finetuning import FinetuneConfig
from sma_core.config.layers import flatten, parse_assignments, read_toml, settings_of
from sma_core.config.pretraining import PretrainConfig
from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import Prepared, PrepareRequest
from sma_core.data.readers.lines import read_text as read_lines
from sma_core.data.remote.listing import RemoteLookup
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.errors import SmaError
from sma_core.files import sha256_of
from sma_core.plugins.imports import resolve
from sma_core.plugins.registry import Registry
from sma_core.sealed import seal
from sma_core.sources.reading import read_text, read_values
from sma_core.sources.source_set import find_sources
from sma_core.training.reporting.metrics_file import read_metrics
from sma_core.verbs.show_config import show_config
from tests.fuzz import seeds
from tests.fuzz.inputs import contents, values

RECORDED = Path(__file__).parents[1] / "faults" / "recorded_runs"
RUN_FILES = ["model.json", "config.toml", "metrics.jsonl", "manifest.json", "state.json", "model.safetensors"]
LONGEST_MESSAGE = 2_100


@dataclass(frozen=True)
class Target:
    """A name, the inputs to draw, and what is done with each in a folder of its own."""

    name: str
    inputs: st.SearchStrategy[Any]
    use: Callable[[Path, Any], object]
    share: float = 1.0
    """Share of the usual number of inputs, less than 1 for what takes longer."""

    def attack(self, folder: Path, drawn: Any) -> bool:
        """Use one input; return whether it was accepted. Any error but the program's own is raised."""
        try:
            self.use(folder, drawn)
        except SmaError as error:
            sentence = str(error)
        else:
            return True
        assert len(sentence) < LONGEST_MESSAGE
        return False


loaded = cache(Registry.load_named)


def reading(domain: str, name: str, reader: str | None = None) -> Callable[[Path, bytes], None]:
    """Return a function that reads all rows of a file with this content."""

    def use(folder: Path, content: bytes) -> None:
        registry = loaded(domain)
        path = folder / name
        path.write_bytes(content)
        config = DataConfig(source=str(path), reader=reader)
        for source in find_sources(registry, config).sources:
            if source.reader.reads == "blocks":
                list(read_values(registry, source, config))
                continue
            check = registry.domain.check
            function = None if check is None else resolve(check, domain)
            list(read_text(registry, source, function, 1))

    return use


FILES: list[tuple[str, str, str | None, Sequence[bytes]]] = [
    ("toy", "rows.txt", None, [seeds.WORDS]),
    ("toy", "rows.csv", None, [seeds.CSV]),
    ("toy", "rows.tsv", None, [seeds.CSV.replace(b",", b"\t")]),
    ("toy", "rows.csv.gz", None, [seeds.packed(seeds.CSV)]),
    ("toy", "rows.txt.zst", None, [seeds.zstandard(seeds.WORDS)]),
    ("toy-numbers", "rows.csv", None, [seeds.NUMBERS, seeds.NUMBERS.replace(b",", b";").replace(b".", b",")]),
    ("toy-numbers", "rows.csv.gz", None, [seeds.packed(seeds.NUMBERS)]),
    ("toy-numbers", "rows.parquet", None, [seeds.number_parquet()]),
    ("toy-numbers", "rows.npy", None, [seeds.npy(), seeds.npy("<i8"), seeds.npy("<U3")]),
    ("toy-numbers", "rows.npz", None, [seeds.npz()]),
    ("chem", "rows.smi", None, [seeds.SMILES]),
    ("chem", "rows.sdf", None, [seeds.SDF, seeds.SDF * 2]),
    ("chem", "rows.mol2", None, [seeds.MOL2, seeds.MOL2 * 2]),
    ("protein", "rows.fasta", None, [seeds.FASTA]),
    ("protein", "rows.a3m", None, [seeds.A3M]),
    ("protein", "rows.sto", None, [seeds.STOCKHOLM]),
    ("protein", "rows.gb", None, [seeds.GENBANK]),
    ("protein", "rows.dat", None, [seeds.UNIPROT]),
    ("physics", "rows.csv", None, [seeds.NUMBERS]),
]
BINARY = [("physics", "rows.h5", "h5py", seeds.hdf5), ("physics", "rows.root", "uproot", seeds.root)]


def readers(domains: Sequence[str]) -> Iterator[Target]:
    """Yield a target for each reader of these domains."""
    for domain, name, reader, valid in FILES:
        if domain in domains:
            yield Target(f"reader: {domain} {name}", contents(valid), reading(domain, name, reader))
    for domain, name, package, make in BINARY:
        if domain in domains and importlib.util.find_spec(package) is not None:
            with tempfile.TemporaryDirectory() as folder:
                valid = [make(Path(folder))]
            yield Target(f"reader: {domain} {name}", contents(valid), reading(domain, name), share=0.5)


@contextmanager
def copied(source: Path, folder: Path) -> Iterator[Path]:
    """Yield a copy of a run, removed at the end."""
    run = folder / "run"
    shutil.copytree(source, run)
    try:
        yield run
    finally:
        shutil.rmtree(run)


def seal_again(checkpoint: Path) -> None:
    """Let the manifest of a checkpoint agree with its files."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in checkpoint.iterdir()
        if path.name != "manifest.json"
    }
    text = json.dumps(seal({"format": 2, "files": files}, SEAL))
    (checkpoint / "manifest.json").write_text(text)


def loading(run_name: str, name: str) -> Callable[[Path, bytes], None]:
    """Return a function that loads a run with one of its files replaced, predicts, and reads its curve."""
    rows: Any = ["kato", "mire"] if run_name == "words-tuned" else [[1.5, 2.5, 3.5, 4.0, 500.0]]

    def use(folder: Path, content: bytes) -> None:
        with copied(RECORDED / run_name, folder) as run:
            path = next(run.rglob(name))
            path.write_bytes(content)
            if path.parent.parent.name == "checkpoints" and name != "manifest.json":
                seal_again(path.parent)
            read_metrics(run / "metrics.jsonl")
            sma_core.load(run).predict(rows)

    return use


def resuming(name: str) -> Callable[[Path, bytes], None]:
    """Return a function that resumes a run with one of its files replaced."""

    def use(folder: Path, content: bytes) -> None:
        with copied(RECORDED / "words-tuned", folder) as run:
            path = next(run.rglob(name))
            path.write_bytes(content)
            if path.parent.parent.name == "checkpoints" and name != "manifest.json":
                seal_again(path.parent)
            sma_core.finetune(resume=run)

    return use


def run_folders() -> Iterator[Target]:
    """Yield a target for each file of finished runs."""
    for run_name in ("words-tuned", "numbers-tuned"):
        for name in RUN_FILES:
            valid = [next((RECORDED / run_name).rglob(name)).read_bytes()]
            yield Target(f"run: {run_name} {name}", contents(valid), loading(run_name, name), share=0.3)
    for name in ("state.json", "training.safetensors", "metrics.jsonl", "config.toml", "results.json"):
        valid = [next((RECORDED / "words-tuned").rglob(name)).read_bytes()]
        yield Target(f"resume: {name}", contents(valid), resuming(name), share=0.1)


def settings_targets() -> Iterator[Target]:
    """Yield targets of settings: typed with ``--set``, and as a file."""
    for verb, config in (("train", PretrainConfig), ("finetune", FinetuneConfig)):
        names = [name for name, _ in settings_of(config)]
        pair = st.tuples(st.sampled_from(names) | st.text(max_size=20), values())

        def use(folder: Path, drawn: list[tuple[str, str]], verb: Any = verb) -> None:
            typed = parse_assignments([f"{name}={value}" for name, value in drawn])
            show_config("toy", verb, settings=dict(flatten(typed)))

        yield Target(f"settings: {verb} --set", st.lists(pair, min_size=1, max_size=3), use, share=2.0)
    valid = [(RECORDED / "words-tuned" / "config.toml").read_bytes()]

    def use_file(folder: Path, content: bytes) -> None:
        path = folder / "settings.toml"
        path.write_bytes(content)
        read_toml(path)
        show_config("toy", "finetune", config=path)

    yield Target("settings: file", contents(valid), use_file)


def caches() -> Iterator[Target]:
    """Yield a target for each file of prepared rows: damaged ones are prepared again, to the same rows."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        first = prepare(_request(folder))
        prepared, rows = first.folder, _rows(first)
        files = {path.name: path.read_bytes() for path in prepared.iterdir() if path.suffix in (".json", ".arrow")}

    for name, valid in files.items():

        def use(folder: Path, content: bytes, name: str = name) -> None:
            (prepare(_request(folder)).folder / name).write_bytes(content)
            assert _rows(prepare(_request(folder))) == rows

        yield Target(f"cache: prepared {name}", contents([valid]), use, share=0.5)

    listing = json.dumps({"version": 1, "files": [{"url": "x://y", "size": 3, "sign": ["time", "1"]}]})

    def list_files(folder: Path, content: bytes) -> None:
        note = folder / "listing.json"
        note.write_bytes(content)
        RemoteLookup(folder, True, lambda name: True, "")._last_listing(note, "no network")

    yield Target("cache: listing of a URL", contents([listing.encode()]), list_files)


def _rows(prepared: Prepared) -> list[list[int]]:
    store = prepared.open()
    return [store.ids(index).tolist() for index in range(len(store))]


def _request(folder: Path) -> PrepareRequest:
    source = folder / "words.txt"
    if not source.exists():
        source.write_bytes(seeds.WORDS)
    return PrepareRequest(
        source=source,
        reader_name="lines",
        cache=folder / "cache",
        max_length=64,
        processes=1,
        reader=read_lines,
        tokenizer=ByteTokenizer(),
    )


def all_targets(domains: Sequence[str]) -> list[Target]:
    """Return all targets for these domains; ``toy`` and ``toy-numbers`` are those of the tests."""
    return [*readers(domains), *run_folders(), *caches(), *settings_targets()]
