"""Planted mistakes and their twins that no scaffold holds: frameworks, and odd ways to write loops."""

# ruff: noqa: E501 - a line of a plant is a line of a script
_NET = """
import torch
import {lightning} as {name}
from transformers import get_cosine_schedule_with_warmup
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau

class Net({name}.LightningModule):
    def __init__(self, lr=1e-3):
        super().__init__()
        self.lr = lr
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, index):
        return self.layer(batch).mean()

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9)
        {body}
"""
_ARGUMENTS = """
from transformers import {cls}, Trainer

def train(model, data):
    arguments = {cls}("out", num_train_epochs=3, {given})
    Trainer(model=model, args=arguments, train_dataset=data).train()
"""


def _net(wrong, right, lightning="lightning", name="L"):
    """Put the end of configure_optimizers into a module."""
    return tuple(
        _NET.format(lightning=lightning, name=name, body=body.replace("\n", "\n        "))
        for body in (wrong, right)
    )


def _arguments(wrong, right, cls="TrainingArguments"):
    return tuple(_ARGUMENTS.format(cls=cls, given=given) for given in (wrong, right))


_STEPS = "scheduler = OneCycleLR(optimizer, 0.1, self.trainer.estimated_stepping_batches)\n"
_COSINE = "scheduler = get_cosine_schedule_with_warmup(optimizer, 100, 10_000)\n"
_EPOCHS = "scheduler = CosineAnnealingLR(optimizer, T_max=self.trainer.max_epochs)\n"
_PLATEAU = "scheduler = ReduceLROnPlateau(optimizer)\n"
_BARE = 'return {"optimizer": optimizer, "lr_scheduler": scheduler}'
_LISTS = "return [optimizer], [scheduler]"
_BY_STEP = (
    'return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}'
)
_STEP_LISTS = 'return [optimizer], [{"scheduler": scheduler, "interval": "step"}]'
_MONITORED = 'return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": "val_loss"}}'

_ACCELERATE = """
import torch
from accelerate import Accelerator

def main(model, loader, epochs):
    accelerator = Accelerator(gradient_accumulation_steps=4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=1000)
    {prepare}
    for epoch in range(epochs):
        for inputs, targets in loader:
            with accelerator.accumulate(model):
                loss = loss_of(model(inputs), targets)
                accelerator.backward(loss)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
"""

_WHILE = """
import torch

def train(model, loader, total_steps):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.{scheduler}
    step = 0
    while step < total_steps:
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss_of(model(inputs), targets).backward()
            {steps}
            step += 1
"""

_TWO_PHASES = """
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

WARMUP = 5
EPOCHS = 90

def get_optimizer(net):
    return SGD(net.parameters(), lr=0.1, momentum=0.9)

def get_scheduler(optimizer, per_epoch):
    warmup = LinearLR(optimizer, start_factor=0.01, total_iters=WARMUP{times})
    decay = CosineAnnealingLR(optimizer, T_max=(EPOCHS - WARMUP){times})
    return SequentialLR(optimizer, [warmup, decay], milestones=[WARMUP{times}])

class Runner:
    def __init__(self, net, train_loader):
        self.net = net
        self.train_loader = train_loader
        self.opt = get_optimizer(net)
        self.sched = get_scheduler(self.opt, len(train_loader))

    def one_step(self, batch):
        self.opt.zero_grad()
        self.net(batch).mean().backward()
        self.opt.step()
        {step}

    def one_epoch(self):
        for batch in self.train_loader:
            self.one_step(batch)

    def run(self):
        for _ in range(EPOCHS):
            self.one_epoch()
            {epoch}
"""

_MANUAL_COSINE = """
import argparse
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR

def train_one_epoch(net, opt, sched, data_loader, device):
    net.train()
    for x, y in data_loader:
        opt.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(net(x.to(device)), y.to(device))
        loss.backward()
        opt.step()
        if sched is not None:
            sched.step()

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=30)
    args = parser.parse_args()
    loader = torch.utils.data.DataLoader(data(), batch_size=32)
    net = make()
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    sched = CosineAnnealingLR(opt, T_max={length})
    for epoch in range(args.epochs):
        train_one_epoch(net, opt, sched, loader, "cpu")
        print(epoch)

if __name__ == "__main__":
    main()
"""


def _filled(template, wrong, right):
    return template.format(**wrong), template.format(**right)


_TIMES = {"times": " * per_epoch", "step": "self.sched.step()", "epoch": "pass"}
_PLAIN = {"times": "", "step": "self.sched.step()", "epoch": "pass"}

_FIRST_EPOCHS = """
import torch

def run(cfg):
    loader = torch.utils.data.DataLoader(views(cfg.root), batch_size=64, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max={length})
    for epoch_counter in range(cfg.epochs):
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss_of(model(inputs), targets).backward()
            optimizer.step()
        if epoch_counter >= 10:
            scheduler.step()
"""

_LATER = """
import torch

def train(model, loader):
    optimizer = torch.optim.SGD(model.head.parameters(), lr=1e-1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    for epoch in range(40):
        if epoch == 10:
            optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
            {again}
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss_of(model(inputs), targets).backward()
            optimizer.step()
        scheduler.step()
"""

_PER_EPOCH = "scheduler = OneCycleLR(optimizer, 0.1, epochs=30, steps_per_epoch={each})\n"

WRITTEN = (
    ("LR104", "from-the-tenth-epoch", *_filled(
        _FIRST_EPOCHS, {"length": "len(loader)"}, {"length": "cfg.epochs - 10"})),
    ("LR105", "from-the-tenth-epoch", *_filled(
        _LATER, {"again": "pass"},
        {"again": "scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30)"})),
    ("LR118", "steps-per-epoch", *_net(
        _PER_EPOCH.format(each="45_000 // 256") + _LISTS,
        _PER_EPOCH.format(each="45_000 // 256") + _STEP_LISTS)),
    ("LR118", "one-step-per-epoch", *_net(
        _PER_EPOCH.format(each="45_000 // 256") + _BARE, _PER_EPOCH.format(each=1) + _BARE)),
    ("LR118", "one-cycle", *_net(_STEPS + _BARE, _STEPS + _BY_STEP)),
    ("LR118", "one-cycle-lists", *_net(_STEPS + _LISTS, _STEPS + _STEP_LISTS)),
    ("LR118", "hf", *_net(_COSINE + _BARE, _COSINE + _BY_STEP, "pytorch_lightning", "pl")),
    ("LR118", "hf-lists", *_net(_COSINE + _LISTS, _COSINE + _STEP_LISTS, "lightning.pytorch", "pl")),
    ("LR118", "epochs-by-step", *_net(_EPOCHS + _BY_STEP, _EPOCHS + _BARE)),
    ("LR118", "plateau", *_net(_PLATEAU + _BARE, _PLATEAU + _MONITORED)),
    ("LR118", "plateau-lists", *_net(_PLATEAU + _LISTS, _PLATEAU + _MONITORED)),
    ("LR119", "steps", *_arguments(
        'lr_scheduler_type="constant", warmup_steps=500',
        'lr_scheduler_type="constant_with_warmup", warmup_steps=500'), True),
    ("LR119", "ratio", *_arguments(
        'lr_scheduler_type="constant", warmup_ratio=0.1', 'lr_scheduler_type="linear", warmup_ratio=0.1'),
        True),
    ("LR119", "seq2seq", *_arguments(
        'warmup_steps=500, lr_scheduler_type="constant"',
        'lr_scheduler_type="constant"', "Seq2SeqTrainingArguments"), True),
    ("LR119", "quotes", *_arguments(
        "learning_rate=1e-4, lr_scheduler_type='constant', warmup_steps=10",
        "learning_rate=1e-4, lr_scheduler_type='constant', warmup_steps=0"), True),
    ("LR119", "variable", *_arguments(
        'lr_scheduler_type="constant", warmup_steps=2 * 50',
        'lr_scheduler_type="cosine", warmup_steps=2 * 50'), True),
    ("LR119", "more", *_arguments(
        'lr_scheduler_type="constant", warmup_ratio=0.03, weight_decay=0.1',
        'lr_scheduler_type="constant", weight_decay=0.1'), True),
    ("LR101", "hf", *_arguments("lr=1e-4", "learning_rate=1e-4"), True),
    ("LR115", "accelerate", *_filled(
        _ACCELERATE,
        {"prepare": "model, optimizer, loader = accelerator.prepare(model, optimizer, loader)"},
        {"prepare": "model, optimizer, loader, scheduler = accelerator.prepare("
                    "model, optimizer, loader, scheduler)"})),
    ("LR103", "while", *_filled(
        _WHILE,
        {"scheduler": "LinearLR(optimizer, total_iters=100)",
         "steps": "scheduler.step(); optimizer.step()"},
        {"scheduler": "LinearLR(optimizer, total_iters=100)",
         "steps": "optimizer.step(); scheduler.step()"})),
    ("LR104", "two-phases", *_filled(_TWO_PHASES, _PLAIN, _TIMES)),
    ("LR104", "two-phases-back", *_filled(
        _TWO_PHASES,
        {"times": " * per_epoch", "step": "pass", "epoch": "self.sched.step()"},
        {"times": "", "step": "pass", "epoch": "self.sched.step()"})),
    ("LR104", "arguments", *_filled(
        _MANUAL_COSINE, {"length": "args.epochs"}, {"length": "args.epochs * len(loader)"})),
)  # fmt: skip
