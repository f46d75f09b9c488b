"""`etude.strategies.optimizers`: the table agrees with `torch.optim`."""

import inspect

import pytest
import torch

from etude.strategies import OPTIMIZERS, build_optimizer, strategy


@pytest.mark.parametrize("family", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_defaults_are_torchs_own(family):
    signature = inspect.signature(getattr(torch.optim, family.class_name).__init__)
    for option in family.options:
        assert signature.parameters[option.keyword].default == option.default


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_gets_its_rate_and_options(name):
    weights = torch.nn.Parameter(torch.ones(2))
    optimizer = build_optimizer(strategy(f"{name} lr=0.5 wd=0.25"), [weights])
    assert type(optimizer).__name__ == OPTIMIZERS[name].class_name
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["weight_decay"] == 0.25
