"""Rates and orders are functions of where training stands."""

import pytest
import torch

from flowcert.networks.training.schedule import batches, epoch_generator, one_cycle


@pytest.mark.parametrize("steps", [10, 37, 1800])
def test_the_rate_is_that_of_pytorchs_scheduler(steps):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=0.02, total_steps=steps, cycle_momentum=False
    )
    for step in range(steps):
        [rate] = scheduler.get_last_lr()
        assert one_cycle(step, steps, 0.02) == pytest.approx(rate, rel=1e-9, abs=1e-15)
        optimiser.step()
        if step < steps - 1:
            scheduler.step()


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_few_steps_have_rates_too(steps):
    assert all(0.0 < one_cycle(step, steps, 1.0) <= 1.0 for step in range(steps))


def test_an_epoch_takes_every_image_once():
    taken = list(batches(103, 10, epoch_generator(0, 4)))
    assert [len(batch) for batch in taken] == [10] * 10 + [3]
    assert sorted(torch.cat(taken).tolist()) == list(range(103))


def test_seed_and_epoch_alone_decide_the_order():
    def order(seed, epoch):
        return torch.cat(list(batches(50, 7, epoch_generator(seed, epoch)))).tolist()

    first = order(3, 5)
    torch.manual_seed(9)
    torch.rand(4)
    assert order(3, 5) == first
    assert len({tuple(order(seed, epoch)) for seed in range(5) for epoch in range(5)}) == 25
