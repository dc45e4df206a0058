"""`SMAFeaturizer`, `SMARegressor` and `SMAClassifier` as scikit-learn uses them."""

from __future__ import annotations

import pickle
import tempfile

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sma_core
from sma_core.errors import DataError, UserError
from sma_sklearn import SMAClassifier, SMAFeaturizer, SMARegressor

SHORT = {"training.epochs": 1.0}
LONG = {"training.epochs": 50.0}


def words(count: int = 60, seed: int = 7) -> tuple[list[str], np.ndarray]:
    from toy_domain.words import make_words

    made = make_words(count, seed)
    return made, np.array([sum(word.count(letter) for letter in "aeiou") for word in made], dtype=float)


def boxes(rows: int = 120) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(rows, 3)) * [1, 10, 100]
    return features, features[:, 0] + features[:, 1] / 10


@pytest.fixture
def nothing_left(tmp_path, monkeypatch):
    """Fail when anything new stands in the folder for temporary files, the cache, or the working folder."""
    folders = [tmp_path / name for name in ("temporary", "cache", "here")]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folders[0]))
    monkeypatch.setenv("SMA_CACHE", str(folders[1]))
    monkeypatch.chdir(folders[2])
    yield
    left = [path for folder in folders for path in folder.rglob("*")]
    assert [path for path in left if not path.name.startswith("torchinductor")] == []  # made by torch's import


def test_a_regressor_learns_from_texts_and_leaves_nothing_behind(toy, nothing_left):
    texts, labels = words(200)
    model = SMARegressor(domain="toy", settings=LONG).fit(texts, labels)
    assert model.predict(texts[:3]).shape == (3,)
    assert model.score(*words(60, 8)) > 0.2
    assert model.score(np.array(texts)[:, None], labels) == pytest.approx(model.score(texts, labels))


def test_a_classifier_learns_from_numbers_and_leaves_nothing_behind(numbers, nothing_left):
    features, values = boxes(200)
    labels = np.where(values > 0, "much", "little")
    model = SMAClassifier(domain="toy-numbers", settings={"training.epochs": 20.0}).fit(features, labels)
    assert model.classes_.tolist() == ["little", "much"]
    found = model.predict_proba(features)
    assert np.allclose(found.sum(axis=1), 1)
    assert np.array_equal(model.predict(features), model.classes_[found.argmax(axis=1)])
    assert model.score(features, labels) > 0.8


def test_many_classes_keep_their_order(toy):
    texts, values = words(60)
    labels = values.astype(int) + 95  # from 2 to 3 digits
    model = SMAClassifier(domain="toy", settings=SHORT).fit(texts, labels)
    assert model.classes_.tolist() == sorted(set(labels.tolist()))
    assert model.predict_proba(texts).shape == (60, len(model.classes_))
    recorded = list(model.contents_.record.targets.classes)
    assert recorded == [str(number) for number in range(len(model.classes_))]


def test_the_same_seed_gives_the_same_model_and_another_seed_another(toy):
    texts, labels = words()
    first, same, other = (
        SMARegressor(domain="toy", settings=SHORT, random_state=seed).fit(texts, labels).predict(texts)
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, same)
    assert not np.allclose(first, other)


def test_several_targets_and_missing_numbers_are_taken(numbers):
    features, values = boxes()
    features[::7, 1] = np.nan
    labels = np.stack([values, -values], axis=1)
    model = SMARegressor(domain="toy-numbers", settings=SHORT).fit(features, labels)
    assert model.predict(features).shape == (120, 2)


def test_targets_that_are_partly_unknown_are_learned(toy):
    texts, values = words(80)
    labels = np.stack([values, values], axis=1)
    labels[::2, 1] = np.nan
    model = SMARegressor(domain="toy", settings=SHORT).fit(texts, labels)
    assert np.isfinite(model.predict(texts)).all()
    with pytest.raises(ValueError, match="NaN"):
        SMARegressor(domain="toy", settings=SHORT).fit(texts, labels[:, 1])


def test_several_binary_targets_are_multilabel(toy):
    texts, values = words(80)
    labels = np.stack([values > 2, values > 3], axis=1).astype(float)
    labels[5, 0] = np.nan
    model = SMAClassifier(domain="toy", settings=SHORT).fit(texts, labels)
    probabilities = model.predict_proba(texts)
    assert probabilities.shape == (80, 2)
    assert np.array_equal(model.predict(texts), (probabilities >= 0.5).astype(int))
    assert [classes.tolist() for classes in model.classes_] == [[0, 1], [0, 1]]
    assert model.contents_.record.targets.kind == "multilabel"


def test_rows_without_weight_have_no_effect(toy):
    texts, values = words(80)
    labels = values.copy()
    labels[:40] += 100.0
    weights = np.repeat([0.0, 1.0], 40)
    model = SMARegressor(domain="toy", settings=LONG).fit(texts, labels, sample_weight=weights)
    assert np.abs(model.predict(texts) - values).mean() < 20
    with pytest.raises(ValueError, match=r"sample_weight has the shape \(3,\), but must be \(80,\)"):
        SMARegressor(domain="toy").fit(texts, labels, sample_weight=[1.0, 2.0, 3.0])


def test_messages_count_the_rows_of_the_caller(toy):
    texts, values = words(40)
    texts[3] = texts[7] = ""
    with pytest.raises(DataError, match=r"^2 of the 40 rows"):
        SMARegressor(domain="toy").fit(texts, values)


def test_a_pretrained_run_is_where_fine_tuning_begins_and_out_keeps_the_run(toy, tmp_path):
    run = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "pre").run
    texts, labels = words()
    model = SMARegressor(run, settings=SHORT, out=tmp_path / "kept").fit(texts, labels)
    loaded = sma_core.load(tmp_path / "kept")
    assert np.array_equal(loaded.predict(texts)[:, 0], model.predict(texts))
    assert model.contents_.settings["pretrained"] == str(run)


def test_estimators_are_cloned_searched_and_pickled(toy, tmp_path):
    run = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "pre").run
    texts, labels = words()
    pipeline = make_pipeline(SMAFeaturizer(run), StandardScaler(), Ridge())
    assert len(cross_val_score(pipeline, texts, labels, cv=3)) == 3
    search = GridSearchCV(pipeline, {"smafeaturizer__layer": [0, 2], "ridge__alpha": [1.0, 10.0]}, cv=2)
    assert search.fit(texts, labels).best_params_["smafeaturizer__layer"] in (0, 2)
    copy = clone(SMARegressor(run, settings=SHORT, random_state=3))
    assert copy.get_params()["settings"] == SHORT
    fitted = copy.fit(texts, labels)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict(texts), fitted.predict(texts))


def test_a_featurizer_gives_the_vectors_of_the_run(toy, tmp_path):
    run = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "pre").run
    texts, _ = words(5)
    loaded = sma_core.load(run)
    for pooling, width in (("mean", 16), ("latents", 8 * 16)):
        featurizer = SMAFeaturizer(run, pooling=pooling, layer=1).fit(texts)
        found = featurizer.transform(texts)
        assert np.array_equal(found, loaded.embed(texts, pooling, 1).reshape(5, width))
        assert featurizer.get_feature_names_out()[-1] == f"smafeaturizer{width - 1}"


@pytest.mark.parametrize(
    ("make", "rows", "error", "sentence"),
    [
        (lambda run: SMARegressor(domain="toy"), ["kato", "n7", "mire"] * 9, DataError, "not letters only"),
        (lambda run: SMARegressor(domain="toy"), [1.0, 2.0], ValueError, r"X\[0\] is not a string"),
        (lambda run: SMARegressor(), ["ka"] * 9, UserError, "pass domain=NAME"),
        (lambda run: SMARegressor("nowhere"), ["ka"] * 9, UserError, "nowhere is not a run folder"),
        (lambda run: SMARegressor(domain="toy", settings={"a.b": 1}), ["ka"] * 9, UserError, "a.b"),
        (lambda run: SMARegressor(run, validation_fraction=1.5), ["ka"] * 9, ValueError, "between 0 and 1"),
        (lambda run: SMAClassifier(domain="toy"), ["ka"] * 9, ValueError, "at least two classes"),
        (lambda run: SMAFeaturizer(), ["ka"], UserError, "needs a run"),
        (
            lambda run: SMAFeaturizer(run, pooling="inputs"),
            ["ka"],
            UserError,
            "pooling must be 'mean' or 'latents'",
        ),
        (lambda run: SMAFeaturizer(run, layer=9), ["ka"], UserError, "has layers 0 to 2"),
    ],
)
def test_wrong_wishes_get_a_sentence(toy, tmp_path, make, rows, error, sentence):
    run = sma_core.train(toy, settings={"training.steps": 1}, out=tmp_path / "pre").run
    with pytest.raises(error, match=sentence):
        make(run).fit(rows, np.ones(len(rows)))


def test_rows_that_cannot_be_used_later_are_named(toy, tmp_path):
    run = sma_core.train(toy, settings={"training.steps": 1}, out=tmp_path / "pre").run
    featurizer = SMAFeaturizer(run)
    with pytest.raises(NotFittedError):
        featurizer.transform(["ka"])
    with pytest.raises(ValueError, match=r"X\[1\] is unusable: not letters only"):
        featurizer.fit(["ka"]).transform(["ka", "n7"])


def test_errors_of_a_fit_name_x_and_no_temporary_file(toy):
    with pytest.raises(
        DataError, match=r"^2 of the 32 rows of X are unusable .* first in row 31; correct X"
    ) as caught:
        SMARegressor(domain="toy").fit([*["ka", "mire"] * 15, "n7", "n8"], np.arange(32.0))
    assert "rows.csv" not in str(caught.value)


def test_a_run_of_numbers_refuses_another_number_of_features(numbers, tmp_path):
    run = sma_core.train(numbers, settings={"training.steps": 1}, out=tmp_path / "pre").run
    with pytest.raises(ValueError, match="reads 5 features, but X has 3 features"):
        SMARegressor(run).fit(*boxes())


def test_without_validation_rows_there_is_no_validation_score(toy, nothing_left):
    settings = SHORT | {"split.protocol": "authors"}
    model = SMARegressor(domain="toy", settings=settings).fit(*words())
    assert np.isnan(model.validation_score_)
    assert model.predict(words()[0][:2]).shape == (2,)


def test_a_featurizer_reads_sequences_and_the_others_refuse_them_in_a_sentence(tmp_path):
    pytest.importorskip("sma_series")
    draw = np.random.default_rng(0)
    rows = [draw.normal(size=(length, 3)) for length in (5, 9, 6, 7)]
    run = sma_core.train("series", settings={"training.steps": 1}, out=tmp_path / "run").run
    vectors = SMAFeaturizer(run).fit_transform(rows)
    assert np.array_equal(vectors, sma_core.load(run).embed(rows))
    with pytest.raises(ValueError, match="X must be a list of arrays"):
        SMAFeaturizer(run).fit(draw.normal(size=(4, 3)))
    for model in (SMAClassifier(run=run), SMARegressor(domain="series")):
        with pytest.raises(ValueError, match=r"X has sequences of vectors, but a table"):
            model.fit(rows, [0, 1, 0, 1])
