"""Scripts of the second round, written after what the first had shown was mended."""

# ruff: noqa: E501 - a line of a script is a line of a script

from scripts import Script

SECOND = (
    Script(
        "fabric_cosine_per_batch",
        "LR104",
        """
import lightning as L
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR


def main(model, dataset, max_epochs: int = 20, batch_size: int = 64):
    fabric = L.Fabric(accelerator="auto", devices=1)
    fabric.launch()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    scheduler = CosineAnnealingLR(optimizer, T_max=max_epochs)
    model, optimizer = fabric.setup(model, optimizer)
    train_dataloader = fabric.setup_dataloaders(torch.utils.data.DataLoader(dataset, batch_size=batch_size))
    for epoch in range(max_epochs):
        for batch_idx, (x, y) in enumerate(train_dataloader):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x), y)
            fabric.backward(loss)
            optimizer.step()
            scheduler.step()
""",
        (("T_max=max_epochs)", "T_max=max_epochs * (len(dataset) // batch_size))"),),
    ),
    Script(
        "dataclass_config_trainer",
        "LR104",
        """
from dataclasses import dataclass
import torch
from torch.optim.lr_scheduler import LinearLR, CosineAnnealingLR, SequentialLR


@dataclass
class Config:
    lr: float = 3e-4
    epochs: int = 100
    warmup_epochs: int = 5


class Trainer:
    def __init__(self, model, train_dl, config: Config):
        self.model, self.train_dl, self.config = model, train_dl, config
        self.optim = torch.optim.AdamW(model.parameters(), lr=config.lr)
        warmup = LinearLR(self.optim, start_factor=0.01, total_iters=config.warmup_epochs)
        cosine = CosineAnnealingLR(self.optim, T_max=config.epochs - config.warmup_epochs)
        self.sched = SequentialLR(self.optim, [warmup, cosine], milestones=[config.warmup_epochs])

    def train_epoch(self, epoch):
        self.model.train()
        for i, batch in enumerate(self.train_dl):
            loss = self.model(**batch)["loss"]
            self.optim.zero_grad()
            loss.backward()
            self.optim.step()
            self.sched.step()
        #END

    def fit(self):
        for epoch in range(self.config.epochs):
            self.train_epoch(epoch)
""",
        (
            ("            self.sched.step()\n", ""),
            ("#END", "self.sched.step()"),
        ),
    ),
    Script(
        "early_scheduler_in_train_fn",
        "LR103",
        """
import torch
from transformers import get_linear_schedule_with_warmup


def train_fn(data_loader, model, optimizer, device, scheduler):
    model.train()
    for bi, d in enumerate(data_loader):
        ids = d["ids"].to(device)
        targets = d["targets"].to(device)
        optimizer.zero_grad()
        loss = torch.nn.BCEWithLogitsLoss()(model(ids), targets.view(-1, 1))
        loss.backward()
        scheduler.step()
        optimizer.step()


def run(model, train_data_loader, device, EPOCHS=10):
    num_train_steps = len(train_data_loader) * EPOCHS
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5)
    scheduler = get_linear_schedule_with_warmup(optimizer, num_warmup_steps=0, num_training_steps=num_train_steps)
    for epoch in range(EPOCHS):
        train_fn(train_data_loader, model, optimizer, device, scheduler)
""",
        (
            (
                "        scheduler.step()\n        optimizer.step()\n",
                "        optimizer.step()\n        scheduler.step()\n",
            ),
        ),
    ),
    Script(
        "apex_like_clip_value",
        "LR114",
        """
import torch

class Engine:
    def __init__(self, net, lr):
        self.net = net
        self.optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
        self.scaler = torch.amp.GradScaler("cuda")

    def step(self, x, y):
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.float16):
            loss = torch.nn.functional.mse_loss(self.net(x), y)
        self.scaler.scale(loss).backward()
        #U
        torch.nn.utils.clip_grad_value_(self.net.parameters(), clip_value=0.5)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()

    def train(self, loader):
        for x, y in loader:
            self.step(x.cuda(), y.cuda())
""",
        (("#U", "self.scaler.unscale_(self.optimizer)"),),
    ),
    Script(
        "rl_loop_no_zero_grad",
        "LR106",
        """
import gymnasium as gym
import torch
import torch.optim as optim

env = gym.make("CartPole-v1")
policy = torch.nn.Sequential(torch.nn.Linear(4, 128), torch.nn.ReLU(), torch.nn.Linear(128, 2))
optimizer = optim.Adam(policy.parameters(), lr=1e-2)


def finish_episode(log_probs, returns):
    loss = torch.stack([-p * r for p, r in zip(log_probs, returns)]).sum()
    #Z
    loss.backward()
    optimizer.step()


for i_episode in range(1000):
    log_probs, returns = rollout(env, policy)
    finish_episode(log_probs, returns)
""",
        (("#Z", "optimizer.zero_grad()"),),
    ),
    Script(
        "onecycle_total_is_epochs",
        "LR104",
        """
import torch

def build(model, train_loader, num_epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=num_epochs)
    return optimizer, scheduler


def train(model, train_loader, num_epochs=15):
    optimizer, scheduler = build(model, train_loader, num_epochs)
    for epoch in range(num_epochs):
        for images, labels in train_loader:
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
""",
        (("total_steps=num_epochs", "total_steps=num_epochs * len(train_loader)"),),
    ),
    Script(
        "plateau_per_batch",
        "LR107",
        """
import torch


def fit(net, loader, epochs=50):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=5, verbose=True)
    for epoch in range(epochs):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.l1_loss(net(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step(loss)
            total += loss.item()
        #EPOCH
""",
        (
            ("            scheduler.step(loss)\n", ""),
            ("#EPOCH", "scheduler.step(total / len(loader))"),
        ),
    ),
    Script(
        "sgd_swapped",
        "LR111",
        """
import torch
from torch.optim import SGD


def get_optimizer(net, base_lr=0.1):
    decay = [p for n, p in net.named_parameters() if "bn" not in n]
    return SGD(decay, 0.9, 0.1)
""",
        (("SGD(decay, 0.9, 0.1)", "SGD(decay, 0.1, 0.9)"),),
    ),
    Script(
        "chained_lambda_overrides",
        "LR124",
        """
import torch
from torch.optim.lr_scheduler import ChainedScheduler, ExponentialLR, LambdaLR


def make(optimizer):
    warmup = LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 500))
    decay = ExponentialLR(optimizer, gamma=0.999)
    return ChainedScheduler([decay, warmup])
""",
        (("ChainedScheduler([decay, warmup])", "ChainedScheduler([warmup, decay])"),),
    ),
    Script(
        "hf_trainer_custom_optim_never",
        "LR102",
        """
import torch
from torch.utils.data import DataLoader
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts


def main(config):
    model = Net(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config["lr"], weight_decay=config["wd"])
    scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=10, T_mult=2)
    loader = DataLoader(Data(config["path"]), batch_size=config["bs"], shuffle=True)
    for epoch in range(config["epochs"]):
        for step, batch in enumerate(loader):
            loss = model.loss(batch)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            #STEP
        print(epoch, loss.item(), optimizer.param_groups[0]["lr"])
        torch.save({"model": model.state_dict(), "epoch": epoch}, "last.pt")
""",
        (("#STEP", "scheduler.step(epoch + step / len(loader))"),),
    ),
    Script(
        "polynomial_longer_than_run",
        "LR117",
        """
import torch

MAX_ITER = 40000


def train(model, loader, criterion):
    opt = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
    poly = torch.optim.lr_scheduler.PolynomialLR(opt, total_iters=80000, power=0.9)
    it = iter(cycle(loader))
    for step in range(MAX_ITER):
        image, label = next(it)
        loss = criterion(model(image), label)
        opt.zero_grad()
        loss.backward()
        opt.step()
        poly.step()
""",
        (("total_iters=80000", "total_iters=MAX_ITER"),),
    ),
    Script(
        "resume_overwrites",
        "LR112",
        """
import torch


def main(args, model, loader, loss_fn):
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    start = 0
    if args.resume:
        ckpt = torch.load(args.resume)
        model.load_state_dict(ckpt["model"])
        optimizer.load_state_dict(ckpt["optimizer"])
        start = ckpt["epoch"] + 1
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)
    #LOAD
    for epoch in range(start, args.epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
        scheduler.step()
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(), "epoch": epoch}, "last.pt")
""",
        (
            (
                "    if args.resume:\n",
                "    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)\n    if args.resume:\n",
            ),
            (
                "    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)\n    #LOAD\n",
                "",
            ),
            (
                "        start = ckpt",
                '        scheduler.load_state_dict(ckpt["scheduler"])\n        start = ckpt',
            ),
        ),
    ),
)
