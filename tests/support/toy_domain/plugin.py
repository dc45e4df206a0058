"""The toy domain's specs."""

from sma_core.plugins import DataSet, Domain, Task, Tokenizer, hookimpl

WORDS = {"source": "made by the tests", "licence": "none needed"}


@hookimpl
def sma_domains():
    return [
        Domain(
            name="toy",
            summary="Words made of syllables.",
            tokenizer="bytes",
            reader="lines",
            dataset="words",
            recipes="toy_domain.recipes",
            suites="toy_domain.suites",
            task="vowels",
            columns=("word", "text"),
            check="toy_domain.words:check_words",
        )
    ]


@hookimpl
def sma_tokenizers():
    factory = "toy_domain.syllables:SyllableTokenizer"
    return [Tokenizer(name="syllables", summary="Syllables, or else bytes.", factory=factory)]


@hookimpl
def sma_datasets():
    return [
        DataSet(name="words", summary="600 words.", locate="toy_domain.words:plain_words", **WORDS),
        DataSet(name="labelled", summary="200 words.", locate="toy_domain.words:labelled_words", **WORDS),
        DataSet(name="parted", summary="200 words, divided.", locate="toy_domain.words:parted_words", **WORDS),
        DataSet(name="absent", summary="Not to be had.", file="absent.txt", **WORDS),
    ]


@hookimpl
def sma_tasks():
    return [*plain_tasks(), *divided_tasks()]


def plain_tasks():
    return [
        Task(
            name="vowels",
            summary="How many vowels?",
            dataset="labelled",
            targets=("vowels",),
            kind="regression",
            metric="rmse",
        ),
        Task(
            name="flags",
            summary="Is it long? Does it hold an a?",
            dataset="labelled",
            targets=("long", "has_a"),
            kind="multilabel",
            metric="roc_auc",
        ),
        Task(
            name="first",
            summary="Which letters does it begin with?",
            dataset="labelled",
            targets=("first",),
            kind="multiclass",
            metric="accuracy",
        ),
        Task(
            name="marks",
            summary="Is each letter a vowel (V) or a consonant (C)?",
            dataset="labelled",
            targets=("marks",),
            kind="per-position",
            metric="accuracy",
            position_mask="counts",
        ),
    ]


def divided_tasks():
    return [
        Task(
            name="parted",
            summary="How many vowels? Divided as published.",
            dataset="parted",
            targets=("vowels",),
            kind="regression",
            metric="rmse",
            split_column="part",
        ),
        Task(
            name="folds",
            summary="Is each letter a vowel? One fold is the test.",
            dataset="parted",
            targets=("marks",),
            kind="per-position",
            metric="accuracy",
            position_mask="counts",
            split_column="fold",
            split_values=(("third", "test"),),
        ),
    ]
