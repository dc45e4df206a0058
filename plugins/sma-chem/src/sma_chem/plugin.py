"""Entry point of the plugin; heavy parts are named by reference, so importing it is cheap."""

from __future__ import annotations

from sma_core.plugins import Baseline, DataSet, Domain, Reader, Renderer, ShippedModel, Splitter, Task, hookimpl

COLUMNS = ("smiles", "SMILES", "canonical_smiles", "mol", "text")

_MOLECULENET = "MoleculeNet (Wu et al. 2018)"
_HUB_SPLITS = ("train_0", "test_0")  # parts of one split; together they are the whole set
_DESCRIPTORS = (
    "molecular_weight", "logp", "tpsa", "donors", "acceptors",
    "rotatable_bonds", "rings", "aromatic_rings", "fraction_sp3", "qed",
)  # fmt: skip
_TOX21 = (
    "NR-AR", "NR-AR-LBD", "NR-AhR", "NR-Aromatase", "NR-ER", "NR-ER-LBD",
    "NR-PPAR-gamma", "SR-ARE", "SR-ATAD5", "SR-HSE", "SR-MMP", "SR-p53",
)  # fmt: skip


@hookimpl
def sma_domains() -> list[Domain]:
    """Provide the domain ``chem``."""
    return [
        Domain(
            name="chem",
            summary="Molecules as SMILES strings, read as raw bytes",
            tokenizer="bytes",
            reader="smi",
            dataset="nci",
            recipes="sma_chem.recipes",
            suites="sma_chem.suites",
            api_version="1.4",
            head="decoder",
            task="freesolv",
            splitter="scaffold",
            columns=COLUMNS,
            check="sma_chem.molecules:check_smiles",
            normalise="sma_chem.molecules:canonical_smiles",
            normalised=True,
            renderer="molecule",
        )
    ]


@hookimpl
def sma_readers() -> list[Reader]:
    """Provide the reader of SMILES files, alone and with computed descriptors."""
    return [
        Reader(
            name="smi",
            summary="SMILES files: one molecule per line, optionally followed by a name",
            factory="sma_chem.smi:read_smi",
            suffixes=(".smi", ".smiles", ".ism", ".can", ".txt"),
            names_rows=True,
        ),
        Reader(
            name="sdf",
            summary="SDF files: a structure and data items per molecule, read by RDKit",
            factory="sma_chem.structures:read_sdf",
            suffixes=(".sdf", ".sd", ".mol"),
            names_rows=True,
        ),
        Reader(
            name="mol2",
            summary="Mol2 files (TRIPOS), read by RDKit",
            factory="sma_chem.structures:read_mol2",
            suffixes=(".mol2",),
            names_rows=True,
        ),
        Reader(
            name="descriptors",
            summary="SMILES files with ten descriptors computed by RDKit; at most 20,000 molecules",
            factory="sma_chem.descriptors:read_descriptors",
            suffixes=(),
        ),
    ]


@hookimpl
def sma_datasets() -> list[DataSet]:
    """Provide unlabelled sets for pre-training, and the MoleculeNet sets."""
    return [*_unlabelled_sets(), *_descriptor_sets(), *_regression_sets(), *_classification_sets()]


def _unlabelled_sets() -> list[DataSet]:
    return [
        DataSet(
            name="nci",
            summary="4,999 molecules of the NCI open database for the quick start, shipped with RDKit",
            source="NCI open database, as distributed with RDKit",
            licence="open data of the US National Cancer Institute; RDKit is BSD-3-Clause",
            locate="sma_chem.bundled:nci",
            reader="smi",
        ),
        DataSet(
            name="chembl-subset",
            summary="676,386 molecules, a subset of ChEMBL (not GuacaMol)",
            source="ChEMBL, collected from public repositories",
            licence="CC BY-SA 3.0",
            file="chembl_subset.smi.gz",
            reader="smi",
        ),
        DataSet(
            name="moses",
            summary="1,584,663 drug-like molecules of the MOSES training set",
            source="MOSES (Polykovskiy et al. 2020), from ZINC clean leads",
            licence="MIT",
            file="moses_train.csv.gz",
            column="SMILES",
        ),
        DataSet(
            name="guacamol",
            summary="The pre-training set of the paper, on the hub",
            source="GuacaMol (Brown et al. 2019), from ChEMBL",
            licence="CC BY-SA 3.0 (ChEMBL)",
            hub="jxie/guacamol",
            hub_columns=(("text", "text"),),
            column="text",
        ),
    ]


def _descriptor_sets() -> list[DataSet]:
    return [
        DataSet(
            name="nci-descriptors",
            summary="The molecules of nci with ten descriptors computed by RDKit",
            source="NCI open database, as distributed with RDKit; descriptors computed on first use",
            licence="open data of the US National Cancer Institute; RDKit is BSD-3-Clause",
            locate="sma_chem.bundled:nci",
            reader="descriptors",
        ),
        DataSet(
            name="chembl-descriptors",
            summary="20,000 molecules of chembl-subset, evenly spaced, with ten descriptors computed by RDKit",
            source="ChEMBL, collected from public repositories; descriptors computed on first use",
            licence="CC BY-SA 3.0",
            file="chembl_subset.smi.gz",
            reader="descriptors",
        ),
    ]


def _regression_sets() -> list[DataSet]:
    return [
        DataSet(
            name="esol",
            summary="ESOL: 1,128 molecules with water solubility",
            source=f"{_MOLECULENET}; Delaney 2004",
            licence="MIT, as distributed with DeepChem; the measurements are their authors'",
            file="delaney-processed.csv.gz",
            hub="jxie/esol",
            hub_splits=_HUB_SPLITS,
            hub_columns=(("smiles", "text"), ("measured log solubility in mols per litre", "label")),
            column="smiles",
        ),
        DataSet(
            name="freesolv",
            summary="FreeSolv: 642 molecules with hydration free energy, shipped with this plugin",
            source="FreeSolv (Mobley and Guthrie 2014)",
            licence="open, with attribution; see the README in the plugin's data folder",
            locate="sma_chem.bundled:freesolv",
            column="smiles",
        ),
        DataSet(
            name="lipophilicity",
            summary="4,200 molecules with octanol/water distribution coefficient (log D at pH 7.4)",
            source=f"{_MOLECULENET}; ChEMBL",
            licence="CC BY-SA 3.0 (ChEMBL)",
            file="Lipophilicity.csv.gz",
            hub="jxie/lipop",
            hub_splits=_HUB_SPLITS,
            hub_columns=(("smiles", "text"), ("exp", "label")),
            column="smiles",
        ),
    ]


def _classification_sets() -> list[DataSet]:
    def described(
        name: str, summary: str, source: str, file: str, column: str = "smiles", label: str | None = None
    ) -> DataSet:
        """Return a set; it is also on the hub if ``label`` is passed."""
        return DataSet(
            name=name,
            summary=summary,
            source=f"{_MOLECULENET}; {source}",
            licence="MIT, as distributed with DeepChem; the measurements are their authors'",
            file=file,
            hub=f"jxie/{name}" if label else None,
            hub_splits=_HUB_SPLITS,
            hub_columns=((column, "text"), (label, "label")) if label else (),
            column=column,
        )

    return [
        described(
            "bbbp",
            "2,050 molecules labelled by blood-brain barrier penetration",
            "Martins 2012",
            "BBBP.csv.gz",
            label="p_np",
        ),
        described(
            "bace",
            "1,513 molecules labelled by inhibition of beta-secretase 1",
            "Subramanian 2016",
            "bace.csv.gz",
            column="mol",
            label="Class",
        ),
        described(
            "hiv", "41,127 molecules labelled by inhibition of HIV", "NCI DTP", "HIV.csv.gz", label="HIV_active"
        ),
        described(
            "tox21",
            "7,831 molecules with 12 toxicity assays; some labels are missing",
            "Tox21 2014",
            "tox21.csv.gz",
        ),
        described("clintox", "1,484 drugs: approval, and failure for toxicity", "Gayvert 2016", "clintox.csv.gz"),
    ]


@hookimpl
def sma_tasks() -> list[Task]:
    """Provide the MoleculeNet tasks and ten descriptors, split by scaffold."""

    def regression(name: str, summary: str, target: str) -> Task:
        return Task(
            name=name,
            summary=summary,
            dataset=name,
            targets=(target,),
            kind="regression",
            metric="rmse",
            splitter="scaffold",
        )

    def binary(name: str, summary: str, target: str) -> Task:
        return Task(
            name=name,
            summary=summary,
            dataset=name,
            targets=(target,),
            kind="binary",
            metric="roc_auc",
            splitter="scaffold",
        )

    def multilabel(name: str, summary: str, targets: tuple[str, ...]) -> Task:
        return Task(
            name=name,
            summary=summary,
            dataset=name,
            targets=targets,
            kind="multilabel",
            metric="roc_auc",
            splitter="scaffold",
        )

    return [
        regression("esol", "Solubility in water (log mol/l)", "measured log solubility in mols per litre"),
        regression("freesolv", "Hydration free energy (kcal/mol)", "expt"),
        regression("lipophilicity", "Octanol/water distribution coefficient (log D)", "exp"),
        binary("bbbp", "Passes the blood-brain barrier", "p_np"),
        binary("bace", "Inhibits beta-secretase 1", "Class"),
        binary("hiv", "Inhibits HIV replication", "HIV_active"),
        multilabel("tox21", "Twelve toxicity assays", _TOX21),
        _descriptors_task(),
        multilabel("clintox", "Approved as a drug; failed in trials for toxicity", ("FDA_APPROVED", "CT_TOX")),
    ]


def _descriptors_task() -> Task:
    return Task(
        name="descriptors",
        summary="Ten descriptors computed by RDKit; data.source=chembl-descriptors takes 20,000 molecules",
        dataset="nci-descriptors",
        targets=_DESCRIPTORS,
        kind="regression",
        metric="r2",
        splitter="scaffold",
    )


@hookimpl
def sma_splitters() -> list[Splitter]:
    """Provide splitters that keep molecules with the same scaffold, or similar ones, together."""
    return [
        Splitter(
            name="scaffold",
            summary="Deterministic: common scaffolds for training, rare ones for testing",
            factory="sma_chem.scaffolds:scaffold_split",
            seeded=False,
        ),
        Splitter(
            name="scaffold-balanced",
            summary="Random scaffolds by seed; very common scaffolds come first",
            factory="sma_chem.scaffolds:scaffold_balanced_split",
        ),
        Splitter(
            name="similarity",
            summary="No two molecules of different parts have a Tanimoto similarity of 0.6 or more",
            factory="sma_chem.fingerprints:similarity",
        ),
    ]


@hookimpl
def sma_renderers() -> list[Renderer]:
    """Provide the drawing of molecules."""
    return [
        Renderer(
            name="molecule",
            summary="Molecule with atoms coloured by importance, and its SMILES below",
            factory="sma_chem.drawing:draw_molecule",
            signed=True,
        )
    ]


@hookimpl
def sma_models() -> list[ShippedModel]:
    """Provide the pre-trained model."""
    return [
        ShippedModel(
            name="tiny",
            summary="727 thousand parameters, for molecules of up to 255 bytes",
            rows="384,000 molecules of the ChEMBL subset",
            licence="CC BY-SA 3.0 (ChEMBL)",
            locate="sma_chem.models:tiny",
        )
    ]


@hookimpl
def sma_baselines() -> list[Baseline]:
    """Provide the models that fine-tuning is compared with."""
    return [
        Baseline(
            name="morgan-linear",
            summary="Ridge or logistic regression on Morgan fingerprints",
            factory="sma_chem.baselines:morgan_linear",
            kinds=("regression", "binary", "multilabel", "multiclass"),
        ),
        Baseline(
            name="morgan-boosted-trees",
            summary="Boosted trees on Morgan fingerprints",
            factory="sma_chem.baselines:morgan_boosted_trees",
            kinds=("regression", "binary", "multilabel"),
        ),
    ]
