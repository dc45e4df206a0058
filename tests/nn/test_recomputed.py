"""What is dropped for the gradient is computed again: the same bits, nothing held, and other work is told of."""

import gc
import weakref

import pytest
import torch

from sma_core.nn.recomputed import recomputed

CPU = torch.device("cpu")


def leaf(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).requires_grad_()


def work(vectors: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    dropped = torch.nn.functional.dropout((vectors @ weight).relu(), 0.5)
    return (dropped @ weight).softmax(dim=-1)


def gradients(again: bool, vectors: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(3)
    result = recomputed(work, CPU, vectors, weight) if again else work(vectors, weight)
    return torch.autograd.grad((result**2).sum(), (vectors, weight))


@pytest.mark.parametrize("autocast", [False, True])
def test_gradients_have_the_same_bits_and_random_numbers_go_on_as_they_would(autocast):
    vectors, weight = leaf(4, 6), leaf(6, 6)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        expected, then = gradients(False, vectors, weight), torch.rand(3)
        found, after = gradients(True, vectors, weight), torch.rand(3)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert torch.equal(then, after)


def test_autocast_is_what_it_was_when_the_gradient_is_taken_outside_of_it():
    kinds = []

    def noting(vectors: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        kinds.append((vectors @ weight).dtype)
        return work(vectors, weight)

    with torch.autocast("cpu", torch.bfloat16):
        loss = recomputed(noting, CPU, leaf(4, 6), leaf(6, 6)).sum()
    loss.backward()
    assert kinds == [torch.bfloat16, torch.bfloat16]


def test_nothing_between_is_held_before_the_gradient_and_nothing_at_all_behind_it():
    made = []

    def noting(vectors: torch.Tensor) -> torch.Tensor:
        first = vectors.exp()
        second = first.sigmoid()
        made.extend((weakref.ref(first), weakref.ref(second)))
        return second * second

    vectors = leaf(5)
    gc.disable()  # what cycles hold would be freed by chance
    try:
        loss = recomputed(noting, CPU, vectors * 2).sum()
        assert [each() for each in made] == [None, None]
        loss.backward()
        del loss
        assert len(made) == 4
        assert [each() for each in made] == [None] * 4
    finally:
        gc.enable()
    again = leaf(5)
    ((again * 2).exp().sigmoid() ** 2).sum().backward()
    assert torch.allclose(vectors.grad, again.grad)


def test_a_gradient_can_be_taken_twice():
    vectors, weight = leaf(4, 6), leaf(6, 6)
    loss = recomputed(work, CPU, vectors, weight)[:, 0].sum()
    first, second = (torch.autograd.grad(loss, (vectors, weight), retain_graph=True) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_a_work_that_keeps_less_when_done_again_is_told():
    times = []

    def less(vectors: torch.Tensor) -> torch.Tensor:
        times.append(1)
        return vectors.exp().sin() if len(times) == 1 else vectors.exp()

    loss = recomputed(less, CPU, leaf(5)).sum()
    with pytest.raises(RuntimeError, match="saved 2 tensors in the forward pass but 1 when recomputed"):
        loss.backward()
