import pytest
import torch
from torch.optim import SGD


@pytest.fixture(scope="session")
def torch_multipliers():
    """What torch's scheduler gives for each update of a peak of 1."""

    def measure(make, updates):
        optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = make(optimizer)
        lrs = [optimizer.param_groups[0]["lr"]]
        for _ in range(updates - 1):
            optimizer.step()
            scheduler.step()
            lrs.append(optimizer.param_groups[0]["lr"])
        return lrs

    return measure
