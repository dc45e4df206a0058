"""Entry point of the plugin; heavy parts are named by reference, so importing it is cheap."""

from __future__ import annotations

from sma_core.plugins import Baseline, DataSet, Domain, Reader, Renderer, ShippedModel, Splitter, Task, hookimpl

COLUMNS = ("sequence", "seq", "protein", "protein_sequence", "primary", "text")

_HUB_SPLITS = ("train", "test")  # splits of the labelled sets on the authors' hub account


@hookimpl
def sma_domains() -> list[Domain]:
    """Provide the domain ``protein``."""
    return [
        Domain(
            name="protein",
            summary="Protein sequences, one letter per residue, read as raw bytes",
            tokenizer="bytes",
            reader="fasta",
            dataset="sample",
            recipes="sma_protein.recipes",
            suites="sma_protein.suites",
            api_version="1.4",
            head="decoder",
            task="remote-homology",
            columns=COLUMNS,
            check="sma_protein.sequences:check_sequences",
            normalise="sma_protein.sequences:normal_sequences",
            renderer="sequence",
        )
    ]


@hookimpl
def sma_readers() -> list[Reader]:
    """Provide readers of sequence files."""
    return [
        Reader(
            name="fasta",
            summary="FASTA: a header line starting with '>', then the sequence on one or more lines",
            factory="sma_protein.readers.fasta:read_fasta",
            suffixes=(".fasta", ".fa", ".faa", ".fas", ".fsa", ".pep"),
            names_rows=True,
        ),
        Reader(
            name="a3m",
            summary="Alignments in FASTA form (A2M, A3M): one sequence per row, without gaps",
            factory="sma_protein.readers.fasta:read_aligned",
            suffixes=(".a3m", ".a2m", ".afa"),
            names_rows=True,
        ),
        Reader(
            name="stockholm",
            summary="Stockholm alignments (Pfam): one sequence per row, without gaps",
            factory="sma_protein.readers.stockholm:read_stockholm",
            suffixes=(".sto", ".stockholm", ".stk"),
            names_rows=True,
        ),
        Reader(
            name="genbank",
            summary="GenBank and GenPept flat files, protein records",
            factory="sma_protein.readers.flat:read_genbank",
            suffixes=(".gb", ".gbk", ".gp", ".gpff"),
            names_rows=True,
        ),
        Reader(
            name="uniprot",
            summary="UniProt flat files (Swiss-Prot, TrEMBL)",
            factory="sma_protein.readers.flat:read_uniprot",
            suffixes=(".dat", ".swiss"),
            names_rows=True,
        ),
    ]


@hookimpl
def sma_datasets() -> list[DataSet]:
    """Provide unlabelled sets for pre-training, and the sets of TAPE and FLIP."""
    return [*_unlabelled_sets(), *_tape_sets(), _flip_set()]


def _unlabelled_sets() -> list[DataSet]:
    return [
        DataSet(
            name="sample",
            summary="3,000 sequences of Swiss-Prot for the quick start, shipped with this plugin",
            source="UniProtKB/Swiss-Prot, January 2014 (The UniProt Consortium)",
            licence="CC BY 4.0; see the README in the plugin's data folder",
            locate="sma_protein.bundled:sample",
            reader="fasta",
        ),
        DataSet(
            name="swissprot-subset",
            summary="342,586 sequences of Swiss-Prot with 30 to 512 residues; a substitute for Pfam",
            source="UniProtKB/Swiss-Prot, 2014 (The UniProt Consortium)",
            licence="CC BY 4.0",
            file="swissprot_30to512.txt.zst",
            reader="lines",
        ),
        DataSet(
            name="pfam",
            summary="The pre-training set of the paper, on the hub",
            source="Pfam (Mistry et al. 2021)",
            licence="CC0 1.0",
            hub="jxie/pfam",
            hub_columns=(("text", "text"),),
            column="text",
        ),
    ]


def _tape_sets() -> list[DataSet]:
    def described(name: str, summary: str, source: str, hub: str, label: str) -> DataSet:
        """Return a set with TAPE's split, available as a file or as the authors' copy on the hub."""
        return DataSet(
            name=name,
            summary=summary,
            source=f"TAPE (Rao et al. 2019); {source}",
            licence="as distributed with TAPE, which asks to cite it and the set's own authors",
            file=f"{name.replace('-', '_')}.csv.gz",
            hub=hub,
            hub_splits=_HUB_SPLITS,
            hub_columns=(("sequence", "text"), (label, "label")),
            column="sequence",
        )

    return [
        described(
            "remote-homology",
            "13,766 protein domains labelled with one of 1,195 folds",
            "SCOP 1.75 (Fox et al. 2013), Hou et al. 2018",
            "jxie/scop",
            "fold_label",
        ),
        described(
            "fluorescence",
            "54,025 variants of a green fluorescent protein with their log brightness",
            "Sarkisyan et al. 2016",
            "jxie/fluorescence",
            "log_fluorescence",
        ),
        described(
            "stability",
            "68,977 small designed proteins with their stability against proteases",
            "Rocklin et al. 2017",
            "jxie/stability",
            "stability_score",
        ),
    ]


def _flip_set() -> DataSet:
    return DataSet(
        name="secondary-structure",
        summary="11,156 proteins labelled with helix, strand or coil for each residue",
        source="FLIP (Dallago et al. 2021); NetSurfP-2.0 (Klausen et al. 2019)",
        licence="as distributed with FLIP; please cite both",
        file="secondary_structure.csv.gz",
        column="sequence",
    )


@hookimpl
def sma_tasks() -> list[Task]:
    """Provide the TAPE tasks of the paper and a per-residue task, with the published splits."""
    return [
        Task(
            name="remote-homology",
            summary="Fold, one of 1,195; test superfamilies do not occur in training",
            dataset="remote-homology",
            targets=("fold_label",),
            kind="multiclass",
            metric="accuracy",
            split_column="split",
        ),
        Task(
            name="fluorescence",
            summary="Log brightness; training has up to 3 mutations, the test set 4 or more",
            dataset="fluorescence",
            targets=("log_fluorescence",),
            kind="regression",
            metric="spearman",
            split_column="split",
        ),
        Task(
            name="stability",
            summary="Stability score; the test set has single mutations of the best designs",
            dataset="stability",
            targets=("stability_score",),
            kind="regression",
            metric="spearman",
            split_column="split",
        ),
        Task(
            name="secondary-structure",
            summary="Coil, helix or strand (C, H, E) for each residue with a known structure",
            dataset="secondary-structure",
            targets=("ss3",),
            kind="per-position",
            metric="accuracy",
            position_mask="mask",
            split_column="split",
        ),
    ]


@hookimpl
def sma_renderers() -> list[Renderer]:
    """Provide the drawing of proteins."""
    return [
        Renderer(
            name="sequence",
            summary="Residues coloured by importance, in numbered blocks of ten",
            factory="sma_protein.drawing:draw_sequence",
            signed=True,
        )
    ]


@hookimpl
def sma_models() -> list[ShippedModel]:
    """Provide the pre-trained model."""
    return [
        ShippedModel(
            name="tiny",
            summary="727 thousand parameters, for sequences of up to 255 residues",
            rows="64,000 sequences of Swiss-Prot",
            licence="CC BY 4.0 (UniProt)",
            locate="sma_protein.models:tiny",
        )
    ]


@hookimpl
def sma_splitters() -> list[Splitter]:
    """Provide a splitter that keeps similar sequences together."""
    return [
        Splitter(
            name="similarity",
            summary="No two sequences of different parts share 0.3 or more of their 3-mers",
            factory="sma_protein.similarity:similarity",
        )
    ]


@hookimpl
def sma_baselines() -> list[Baseline]:
    """Provide the models that fine-tuning is compared with."""
    return [
        Baseline(
            name="one-hot-linear",
            summary="Ridge or logistic regression on the residue at each position",
            factory="sma_protein.baselines:one_hot_linear",
            kinds=("regression", "binary", "multilabel"),
        ),
        Baseline(
            name="words-linear",
            summary="Ridge or logistic regression on frequencies of three residues in a row",
            factory="sma_protein.baselines:words_linear",
            kinds=("regression", "binary", "multilabel", "multiclass"),
        ),
    ]
