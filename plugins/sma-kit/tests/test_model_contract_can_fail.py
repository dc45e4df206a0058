"""A plugin whose shipped model has one thing wrong fails its check."""

from tests.support.shipped_model import run, shipped
from tests.support.wrong_plugins import breaks, failure

__all__ = ["run", "shipped"]
CHECK = "test_models_are_usable_and_have_a_card"


def test_a_good_model_holds_the_contract(shipped):
    assert failure(CHECK) == ""


@breaks("test_models_are_usable_and_have_a_card")
def test_a_model_without_a_card(shipped):
    (shipped / "README.md").unlink()
    assert "has no model card" in failure(CHECK)


@breaks("test_models_are_usable_and_have_a_card")
def test_a_folder_that_is_no_run(shipped):
    (shipped / "model.json").unlink()
    assert "is not a run folder" in failure(CHECK)
