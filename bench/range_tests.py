"""The learning-rate finders of other packages, driven as their documentation says."""

import tempfile
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from etude.strategies import OPTIMIZERS, Strategy, build_optimizer
from etude.tasks import Prepared, build_model, seeded

LOWEST, HIGHEST = 1e-7, 10.0
UPDATES = 100


@dataclass(frozen=True, slots=True)
class Case:
    """What a finder searches on: a task with an optimizer and a seed."""

    prepared: Prepared
    family: Strategy
    seed: int

    def model(self) -> nn.Module:
        return build_model(self.prepared.task, self.seed)

    def loader(self) -> DataLoader:
        tensors = self.prepared.train.take(torch.arange(self.prepared.train.size))
        return DataLoader(
            TensorDataset(*tensors),
            batch_size=self.prepared.task.batch_size,
            shuffle=True,
            drop_last=True,
            generator=torch.Generator().manual_seed(self.seed),
        )

    def optimizer(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        return build_optimizer(self.family.with_lr(lr), model.parameters())


def torch_lr_finder(case: Case) -> tuple[float, int]:
    """The steepest point, which the package gives only through its plot."""
    import matplotlib.pyplot as plt
    from torch_lr_finder import LRFinder

    model = case.model()
    finder = LRFinder(model, case.optimizer(model, LOWEST), case.prepared.task.loss, device="cpu")
    finder.range_test(case.loader(), end_lr=HIGHEST, num_iter=UPDATES)
    done = len(finder.history["lr"])
    _, lr = finder.plot(suggest_lr=True, show_lr=None)
    plt.close("all")
    return float(lr), done


def fastai_valley(case: Case) -> tuple[float, int]:
    """The default of `lr_find`."""
    from fastai.callback import schedule  # noqa: F401 - gives Learner its lr_find
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    family = OPTIMIZERS[case.family.optimizer]
    optimizer = partial(
        OptimWrapper, opt=getattr(torch.optim, family.class_name), **case.family.torch_options
    )
    with tempfile.TemporaryDirectory() as folder:
        learner = Learner(
            DataLoaders(case.loader(), case.loader(), device=torch.device("cpu")),
            case.model(),
            loss_func=case.prepared.task.loss,
            opt_func=optimizer,
            path=folder,
        )
        with learner.no_bar(), learner.no_logging():
            found = learner.lr_find(show_plot=False)
        return float(found.valley), len(learner.recorder.losses)


def lightning(case: Case) -> tuple[float, int]:
    """What `Tuner.lr_find` would set `model.lr` to."""
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.tuner import Tuner

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.lr = case.model(), 1e-3

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            return case.prepared.task.loss(self.inner(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return case.optimizer(self.inner, self.lr)

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            default_root_dir=folder,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        found = Tuner(trainer).lr_find(Module(), case.loader(), update_attr=False)
        lr = found.suggestion() if found else None
        return (float("nan") if lr is None else float(lr)), len(found.results["lr"]) if found else 0


def quietly(ask: Callable[[Case], tuple[float, int]]) -> Callable[[Case], tuple[float, int]]:
    """Let a package talk to nobody, and draw from generators that are put back."""

    def asked(case: Case) -> tuple[float, int]:
        with (
            seeded(case.seed),
            warnings.catch_warnings(),
            redirect_stdout(StringIO()),
            redirect_stderr(StringIO()),
        ):
            warnings.simplefilter("ignore")
            return ask(case)

    return asked


PEERS: dict[str, Callable[[Case], tuple[float, int]]] = {
    "torch-lr-finder": quietly(torch_lr_finder),
    "fastai valley": quietly(fastai_valley),
    "Lightning": quietly(lightning),
}
