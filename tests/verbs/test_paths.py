"""Paths are given to verbs as texts too, as one writes them in a notebook."""

from __future__ import annotations

import inspect

import sma_core

VERBS = {name: each for name in sma_core.__all__ if inspect.isfunction(each := getattr(sma_core, name))}
FEW = {"training.steps": 2}


def test_where_a_path_is_taken_so_is_a_text():
    kinds = {
        f"{name}({parameter.name})": str(parameter.annotation)
        for name, verb in VERBS.items()
        for parameter in inspect.signature(verb).parameters.values()
        if "Path" in str(parameter.annotation)
    }
    assert len(kinds) > 20
    assert not {where: kind for where, kind in kinds.items() if "str" not in kind}


def test_a_run_is_made_used_and_gone_on_with_under_names_that_are_texts(toy, tmp_path):
    there = str(tmp_path / "run")
    (tmp_path / "rows.txt").write_text("banana\norange\n")
    (tmp_path / "more.toml").write_text("[training]\nevaluate_every = 2\n")
    rows, config = str(tmp_path / "rows.txt"), str(tmp_path / "more.toml")
    run = sma_core.train(toy, settings=FEW, config=config, out=there).run
    assert run == tmp_path / "run"
    assert sma_core.train(resume=run, settings={"training.steps": 4}).run == run
    assert sma_core.embed(there, rows, str(tmp_path / "rows.npy")).out == tmp_path / "rows.npy"
    assert len(sma_core.masks(there, rows, page=str(tmp_path / "masks.html")).rows) == 2
    assert (tmp_path / "masks.html").is_file()
    assert sma_core.probe(model=there, config=None).model == run

    tuned = sma_core.finetune(model=there, settings={"training.epochs": 1.0}, out=str(tmp_path / "tuned")).run
    assert sma_core.predict(str(tuned), rows, out=str(tmp_path / "rows.csv")).rows == 2
    assert sma_core.predict([str(tuned), tuned], rows, out=str(tmp_path / "both.csv")).rows == 2
    assert sma_core.export_authors(there, str(tmp_path / "theirs")).out == tmp_path / "theirs"


def test_data_may_be_a_path(toy, tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("".join("ab" * number + "\n" for number in range(1, 61)))
    assert sma_core.train(toy, data=file, settings=FEW, out=tmp_path / "run").rows > 40
    assert sma_core.inspect_data(toy, file).rows == 60
