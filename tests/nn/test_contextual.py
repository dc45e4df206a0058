"""Contextual masks: importance relative to that of the same symbol."""

import pytest
import torch

from sma_core.nn.strategies.contextual import relative_importance


def test_the_mean_of_a_symbol_is_taken_out():
    ids = torch.tensor([[7, 7, 8], [7, 9, 8]])
    importance = torch.tensor([[1.0, 4.0, 0.2], [2.0, 5.0, 0.2]])
    relative = relative_importance(importance, ids, torch.ones(2, 3, dtype=torch.bool))
    assert relative.tolist() == [pytest.approx([0.5, 2.0, 1.0]), pytest.approx([1.0, 1.0, 1.0])]


def test_of_numbers_the_mean_of_a_position_is_taken_out():
    importance = torch.tensor([[1.0, 9.0], [4.0, 1.0]])
    relative = relative_importance(importance, torch.zeros(2, 2, 3), torch.ones(2, 2, dtype=torch.bool))
    assert relative.tolist() == [pytest.approx([0.5, 3.0]), pytest.approx([2.0, 1 / 3])]


def test_padding_has_no_part_in_a_mean():
    ids = torch.tensor([[7, 7], [7, 7]])
    importance = torch.tensor([[2.0, 8.0], [2.0, 100.0]])
    real = torch.tensor([[True, True], [True, False]])
    relative = relative_importance(importance, ids, real)
    mean = (2.0 * 8.0 * 2.0) ** (1 / 3)
    assert relative[0].tolist() == pytest.approx([2.0 / mean, 8.0 / mean])
    assert relative[1, 0].item() == pytest.approx(2.0 / mean)
