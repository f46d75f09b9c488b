"""`torch.optim.lr_scheduler` with its names and signatures, and lrs in closed form.

    from etude.compat import lr_scheduler

    scheduler = lr_scheduler.SequentialLR(
        optimizer,
        [
            lr_scheduler.LinearLR(optimizer, 0.01, total_iters=500),
            lr_scheduler.CosineAnnealingLR(optimizer, 9500),
        ],
        milestones=[500],
    )

Every class is a subclass of torch's class of that name. `lr_at(t)` gives the lrs of any update.
For a schedule of your own, subclass `ClosedForm`; `LRScheduler` is torch's.
"""

from torch.optim.lr_scheduler import LRScheduler

from etude.compat.closed_form import ClosedForm
from etude.compat.composed import ChainedScheduler, SequentialLR
from etude.compat.cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from etude.compat.plateau import ReduceLROnPlateau
from etude.compat.shapes import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)

__all__ = [
    "ChainedScheduler",
    "ClosedForm",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
