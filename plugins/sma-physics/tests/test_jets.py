"""The domain of jets: the toy's masses and labels, the channels of particles, and the layouts that are read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import sma_core
from sma_core.data.sequences import Sequences
from sma_core.errors import DataError
from sma_kit import DomainContract
from sma_physics.jets.features import CHANNELS, MOMENTA, particles, sums
from sma_physics.jets.files import jet_table
from sma_physics.jets.reader import read_particles
from sma_physics.jets.simulation import simulate
from sma_physics.jets.variables import VARIABLES, jet_variables


class TestJets(DomainContract):
    domain = "jets"


def variables(jets):
    values = jet_variables(particles(Sequences(jets.momenta.astype(np.float32), jets.offsets)))
    return dict(zip(VARIABLES, values.T, strict=True))


def test_masses_peak_at_the_w_boson_and_the_top_quark():
    jets = simulate(3000, 1)
    mass = variables(jets)["mass"]
    for prongs, expected in ((2, 80.4), (3, 172.7)):
        low, middle, high = np.percentile(mass[jets.prongs == prongs], [10, 50, 90])
        assert expected < middle < 1.08 * expected
        assert high - low < 0.2 * expected
    low, high = np.percentile(mass[jets.prongs == 1], [10, 90])
    assert high > 3 * low


def test_a_seed_gives_the_same_jets_and_a_third_of_each_kind():
    first, again, other = simulate(3000, 1), simulate(3000, 1), simulate(3000, 2)
    assert np.array_equal(first.momenta, again.momenta)
    assert not np.array_equal(first.momenta[:100], other.momenta[:100])
    assert np.bincount(first.prongs, minlength=4)[1:].min() > 900
    assert np.allclose(first.momenta[:, 0], np.linalg.norm(first.momenta[:, 1:], axis=1))  # massless particles


def test_channels_are_computed_by_hand():
    momenta = np.array([[5, 3, 4, 0], [13, 0, 12, 5], [0, 0, 0, 0], [5, 0, -4, 3]], dtype=np.float32)
    rows = particles(Sequences(momenta, np.array([0, 3, 3, 4])))
    assert rows.lengths.tolist() == [2, 0, 1]  # the particle without momentum is padding
    jet = momenta[:2].sum(axis=0).astype(np.float64)
    eta = np.arcsinh(jet[3] / np.hypot(jet[1], jet[2]))
    phi = np.arctan2(jet[2], jet[1])
    expected = [
        [np.log(12), np.arcsinh(5 / 12) - eta, np.pi / 2 - phi, np.log(13)],
        [np.log(5), -eta, np.arctan2(4, 3) - phi, np.log(5)],
    ]
    assert rows[0] == pytest.approx(np.array(expected), abs=1e-6)
    assert rows[2] == pytest.approx(np.array([[np.log(4), 0, 0, np.log(5)]]), abs=1e-6)


def test_particles_are_ordered_and_turning_a_jet_about_the_beam_changes_nothing():
    jets = simulate(50, 0)
    rows = particles(Sequences(jets.momenta.astype(np.float32), jets.offsets))
    assert all((np.diff(rows[row][:, 0]) <= 0).all() for row in range(50))
    turned = jets.momenta.copy()
    turned[:, 1], turned[:, 2] = -jets.momenta[:, 2], jets.momenta[:, 1]
    again = particles(Sequences(turned.astype(np.float32), jets.offsets))
    assert again.values == pytest.approx(rows.values, abs=1e-3)


def test_variables_of_a_jet_of_two_particles_are_computed_by_hand():
    momenta = np.array([[30.0, 30, 0, 0], [10.0, 0, 10, 0]])
    values = dict(
        zip(VARIABLES, jet_variables(particles(Sequences(np.float32(momenta), np.array([0, 2]))))[0], strict=True)
    )
    assert values["mass"] == pytest.approx(np.sqrt(40**2 - 30**2 - 10**2), rel=1e-5)
    assert values["pt"] == pytest.approx(np.hypot(30, 10), rel=1e-5)
    assert values["particles"] == 2
    assert values["e2"] == pytest.approx(0.75 * 0.25 * np.pi / 2, rel=1e-5)
    assert values["e3"] == pytest.approx(0.0, abs=1e-9)
    assert values["dispersion"] == pytest.approx(np.hypot(30, 10) / 40, rel=1e-5)


@pytest.fixture
def jets():
    return simulate(40, 3)


def channels(jets):
    return particles(Sequences(jets.momenta.astype(np.float32), jets.offsets))


def test_lists_of_momenta_are_read_from_parquet_and_root(tmp_path, jets):
    parquet.write_table(jet_table(jets), tmp_path / "a.parquet")
    uproot, awkward = pytest.importorskip("uproot"), pytest.importorskip("awkward")
    lengths = np.diff(jets.offsets)
    lists = {
        name: awkward.unflatten(np.float32(column), lengths)
        for name, column in zip(MOMENTA, jets.momenta.T, strict=True)
    }
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("tree", {**dict.fromkeys(MOMENTA, "var * float32"), "prongs": "int32"}).extend(
            {**lists, "prongs": jets.prongs}
        )
    for suffix in ("parquet", "root"):
        (block,) = read_particles(tmp_path / f"a.{suffix}", (), ("prongs",))
        assert block.columns == CHANNELS
        assert block.fields[0].tolist() == jets.prongs.tolist()
        assert np.array_equal(block.offsets, channels(jets).offsets)
        assert np.array_equal(block.values, channels(jets).values)


def test_columns_of_single_particles_are_read_without_their_padding(tmp_path, jets):
    longest = int(np.diff(jets.offsets).max())
    padded = np.zeros((40, longest, 4), dtype=np.float32)
    for row, (start, end) in enumerate(zip(jets.offsets[:-1], jets.offsets[1:], strict=True)):
        padded[row, : end - start] = jets.momenta[start:end]
    columns = {
        f"{part}_{index}": padded[:, index, place]
        for index in range(longest)
        for place, part in enumerate(("E", "PX", "PY", "PZ"))
    }
    parquet.write_table(pa.table({**columns, "is_signal_new": jets.prongs > 1}), tmp_path / "a.parquet")
    (block,) = read_particles(tmp_path / "a.parquet", (), ("is_signal_new",))
    assert np.array_equal(block.values, channels(jets).values)
    assert np.array_equal(block.offsets, channels(jets).offsets)


def test_other_channels_are_refused_and_some_may_be_chosen(tmp_path, jets):
    parquet.write_table(jet_table(jets), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"channels of particles are log_pt, .*, not mass; .*data.reader"):
        list(read_particles(tmp_path / "a.parquet", ("mass",), ()))
    (block,) = read_particles(tmp_path / "a.parquet", ("phi", "log_pt"), ())
    assert np.array_equal(block.values, channels(jets).values[:, [2, 0]])
    (block,) = read_particles(tmp_path / "a.parquet", (), (), exclude=("phi", "prongs"))
    assert block.columns == tuple(name for name in CHANNELS if name != "phi")
    assert block.fields == ()
    with pytest.raises(DataError, match="'mass'"):
        list(read_particles(tmp_path / "a.parquet", (), (), exclude=("mass",)))


def test_a_run_on_jets_is_fine_tuned_beside_its_baselines(tmp_path):
    pytest.importorskip("sma_bench", reason="needs sma-physics[bench]")
    settings = {"training.steps": 2, "training.batch_size": 8}
    run = sma_core.train("jets", settings=settings, out=tmp_path / "run").run
    tuned = sma_core.finetune(
        model=run, settings={"training.steps": 2, "split.train_rows": 200}, out=tmp_path / "t"
    )
    assert {result.name for result in tuned.baselines} >= {"linear"}
    by_name = {result.name: result for result in tuned.baselines}
    assert by_name["linear"].test["roc_auc"] > 0.85


def test_sums_are_those_of_each_jet():
    values = np.arange(6.0).reshape(3, 2)
    assert sums(values, np.array([0, 2, 2]), 3).tolist() == [[0, 1], [0, 0], [6, 8]]
