"""A plugin whose rows cannot be trained on as they should fails the check for that."""

from tests.support.wrong_plugins import OWN, WITH_TOKENIZER, Toy, breaks, failure, failures, only_failure


@breaks("test_one_training_step_is_finite", "test_a_batch_of_one_row_trains")
def test_ids_that_no_model_has(install):
    install.toy(*WITH_TOKENIZER, own=OWN.format(body="vocabulary_size = 100"))
    assert "one training step on good_rows must work" in failure("test_one_training_step_is_finite")
    assert "good_rows must be encoded" in failure("test_a_batch_of_one_row_trains")


@breaks("test_one_training_step_is_finite")
def test_long_rows_that_no_model_has(install):
    """Only the row that is longer than the model takes has the wrong id."""
    body = (
        "def encode(self, texts):\n"
        "        found = super().encode(texts)\n"
        "        found.values[:-1][400:401] = 999\n"
        "        return found"
    )
    install.toy(*WITH_TOKENIZER, own=OWN.format(body=body))
    assert "one training step on good_rows must work" in failure("test_one_training_step_is_finite")
    assert not failure("test_a_batch_of_one_row_trains")


@breaks("test_training_lowers_the_loss_of_one_batch")
def test_a_learning_rate_that_makes_it_worse(install):
    install.toy(("steps = 10", "steps = 10\nlearning_rate = 100.0"))
    assert "not down: change training.learning_rate" in only_failure("test_training_lowers_the_loss_of_one_batch")


@breaks("test_masks_hide_a_part_of_every_row")
def test_rows_of_one_id(install):
    class Short(Toy):
        good_rows = ("apple", "")

    install.toy()
    assert "of 1 input of a row, masks hide 0" in only_failure("test_masks_hide_a_part_of_every_row", Short)


@breaks("test_a_stopped_run_goes_on_to_the_same_weights")
def test_a_tokenizer_whose_vocabulary_grows(install):
    body = (
        "made = []\n"
        "    def __init__(self):\n"
        "        self.made.append(0)\n"
        "        self.vocabulary_size = 300 + len(self.made)"
    )
    install.toy(*WITH_TOKENIZER, own=OWN.format(body=body))
    said = only_failure("test_a_stopped_run_goes_on_to_the_same_weights")
    assert "stopping and resuming: the model was trained with the tokenizer own" in said


@breaks("test_a_stopped_run_goes_on_to_the_same_weights")
def test_a_check_that_changes_its_mind(install):
    """It refuses other rows each time a file is prepared: the two runs do not train on the same rows."""
    install.toy(
        ("from pathlib import Path", "from pathlib import Path\ncalls = []"),
        ("for text in texts]", "for text in texts] if len(texts) < 48 or calls.append(0) else answers(texts)"),
        (
            "def words():",
            "def answers(texts):\n    return ['tired' if n % 5 == len(calls) % 5 else None "
            "for n, _ in enumerate(texts)]\n\ndef words():",
        ),
    )
    assert not failures()
    assert "must end with the weights of an uninterrupted one" in failure(
        "test_a_stopped_run_goes_on_to_the_same_weights"
    )
