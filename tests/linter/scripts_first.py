"""Scripts of the first round, written before anything was mended."""

# ruff: noqa: E501 - a line of a script is a line of a script

from scripts import Script

FIRST = (
    Script(
        "imagenet_batch_step",
        "LR104",
        """
import argparse
import torch
import torch.nn as nn
import torch.optim as optim
import torchvision.models as models
import torchvision.transforms as T
from torchvision.datasets import ImageFolder

parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--epochs", type=int, default=90)
parser.add_argument("-b", "--batch-size", type=int, default=256)
parser.add_argument("--lr", type=float, default=0.1)


def main():
    args = parser.parse_args()
    model = models.resnet50().cuda()
    criterion = nn.CrossEntropyLoss().cuda()
    optimizer = optim.SGD(model.parameters(), args.lr, momentum=0.9, weight_decay=1e-4)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)
    dataset = ImageFolder(args.data, T.Compose([T.RandomResizedCrop(224), T.ToTensor()]))
    train_loader = torch.utils.data.DataLoader(dataset, args.batch_size, shuffle=True, num_workers=8)
    for epoch in range(args.epochs):
        train(train_loader, model, criterion, optimizer, scheduler, epoch)
        #PEREPOCH


def train(train_loader, model, criterion, optimizer, scheduler, epoch):
    model.train()
    for i, (images, target) in enumerate(train_loader):
        images = images.cuda(non_blocking=True)
        target = target.cuda(non_blocking=True)
        output = model(images)
        loss = criterion(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if i % 10 == 0:
            print(epoch, i, loss.item())


if __name__ == "__main__":
    main()
""",
        (
            ("        optimizer.step()\n        scheduler.step()\n", "        optimizer.step()\n"),
            ("#PEREPOCH", "scheduler.step()"),
        ),
    ),
    Script(
        "contrastive_tmax_loader",
        "LR104",
        """
import torch
from torch.utils.data import DataLoader
from data import ContrastiveViews
from model import Encoder, nt_xent


def run(cfg):
    train_loader = DataLoader(ContrastiveViews(cfg.root), batch_size=cfg.batch_size, shuffle=True, drop_last=True)
    model = Encoder(cfg.arch, cfg.out_dim).to(cfg.device)
    optimizer = torch.optim.Adam(model.parameters(), cfg.lr, weight_decay=cfg.weight_decay)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=len(train_loader), eta_min=0, last_epoch=-1)
    n_iter = 0
    for epoch_counter in range(cfg.epochs):
        for views, _ in train_loader:
            views = torch.cat(views, dim=0).to(cfg.device)
            loss = nt_xent(model(views))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            n_iter += 1
        if epoch_counter >= 10:
            scheduler.step()
        print(epoch_counter, loss.item())
""",
        (("T_max=len(train_loader)", "T_max=cfg.epochs - 10"),),
    ),
    Script(
        "onecycle_per_epoch",
        "LR104",
        """
from torch import nn, optim
from torch.utils.data import DataLoader

EPOCHS = 12
BATCH = 128


def fit(net, train_set, val_set, device="cuda"):
    train_dl = DataLoader(train_set, BATCH, shuffle=True)
    val_dl = DataLoader(val_set, BATCH * 2)
    opt = optim.AdamW(net.parameters(), lr=3e-4, weight_decay=1e-2)
    sched = optim.lr_scheduler.OneCycleLR(opt, max_lr=3e-3, steps_per_epoch=len(train_dl), epochs=EPOCHS)
    crit = nn.CrossEntropyLoss()
    for epoch in range(EPOCHS):
        net.train()
        for xb, yb in train_dl:
            xb, yb = xb.to(device), yb.to(device)
            opt.zero_grad(set_to_none=True)
            loss = crit(net(xb), yb)
            loss.backward()
            opt.step()
            #PERBATCH
        sched.step()
        evaluate(net, val_dl, device)


def evaluate(net, dl, device):
    net.eval()
    return sum((net(x.to(device)).argmax(1).cpu() == y).sum().item() for x, y in dl)
""",
        (
            ("        sched.step()\n", ""),
            ("#PERBATCH", "sched.step()"),
        ),
    ),
    Script(
        "hf_loop_accumulation",
        "LR115",
        """
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification, get_linear_schedule_with_warmup

def finetune(args, train_dataset, collate):
    model = AutoModelForSequenceClassification.from_pretrained(args.model_name_or_path).cuda()
    loader = DataLoader(train_dataset, batch_size=args.per_gpu_train_batch_size, shuffle=True, collate_fn=collate)
    t_total = len(loader) // args.gradient_accumulation_steps * args.num_train_epochs
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate, eps=1e-8)
    scheduler = get_linear_schedule_with_warmup(optimizer, num_warmup_steps=args.warmup_steps, num_training_steps=t_total)
    global_step = 0
    model.zero_grad()
    for _ in range(args.num_train_epochs):
        for step, batch in enumerate(loader):
            model.train()
            outputs = model(**{k: v.cuda() for k, v in batch.items()})
            loss = outputs.loss / args.gradient_accumulation_steps
            loss.backward()
            if (step + 1) % args.gradient_accumulation_steps == 0:
                torch.nn.utils.clip_grad_norm_(model.parameters(), args.max_grad_norm)
                optimizer.step()
                #INSIDE
                model.zero_grad()
                global_step += 1
            scheduler.step()
    return global_step
""",
        (
            ("            scheduler.step()\n", ""),
            ("#INSIDE", "scheduler.step()"),
        ),
    ),
    Script(
        "hf_total_is_epochs",
        "LR104",
        """
from torch.optim import AdamW
from transformers import get_cosine_schedule_with_warmup
from tqdm.auto import tqdm


def train(model, train_dataloader, eval_dataloader, num_epochs=3, lr=5e-5):
    optimizer = AdamW(model.parameters(), lr=lr)
    lr_scheduler = get_cosine_schedule_with_warmup(optimizer=optimizer, num_warmup_steps=0, num_training_steps=num_epochs)
    for epoch in range(num_epochs):
        model.train()
        for batch in tqdm(train_dataloader):
            loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            lr_scheduler.step()
            optimizer.zero_grad()
        model.eval()
""",
        (
            (
                "num_training_steps=num_epochs",
                "num_training_steps=num_epochs * len(train_dataloader)",
            ),
        ),
    ),
    Script(
        "lightning_onecycle_lists",
        "LR118",
        """
import lightning as L
import torch
import torch.nn.functional as F


class LitResnet(L.LightningModule):
    def __init__(self, net, lr=0.05):
        super().__init__()
        self.save_hyperparameters(ignore=["net"])
        self.net = net

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self.net(x), y)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9, weight_decay=5e-4)
        steps_per_epoch = 45000 // 256
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.1, epochs=self.trainer.max_epochs, steps_per_epoch=steps_per_epoch
        )
        return [optimizer], [scheduler]
""",
        (("[scheduler]", '[{"scheduler": scheduler, "interval": "step"}]'),),
    ),
    Script(
        "lightning_plateau_no_monitor",
        "LR118",
        """
import pytorch_lightning as pl
from torch.optim import Adam
from torch.optim.lr_scheduler import ReduceLROnPlateau


class Segmenter(pl.LightningModule):
    def __init__(self, backbone, lr: float = 1e-4, patience: int = 5):
        super().__init__()
        self.backbone = backbone
        self.lr = lr
        self.patience = patience

    def training_step(self, batch, _):
        image, mask = batch
        return self.loss(self.backbone(image), mask)

    def validation_step(self, batch, _):
        image, mask = batch
        self.log("val/loss", self.loss(self.backbone(image), mask))

    def configure_optimizers(self):
        opt = Adam(self.backbone.parameters(), lr=self.lr)
        sch = ReduceLROnPlateau(opt, factor=0.5, patience=self.patience)
        return {"optimizer": opt, "lr_scheduler": sch}
""",
        (('"lr_scheduler": sch}', '"lr_scheduler": {"scheduler": sch, "monitor": "val/loss"}}'),),
    ),
    Script(
        "lightning_step_epoch_tmax",
        "LR118",
        """
import lightning.pytorch as pl
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR


class Classifier(pl.LightningModule):
    def __init__(self, model, lr, weight_decay):
        super().__init__()
        self.model, self.lr, self.weight_decay = model, lr, weight_decay

    def training_step(self, batch, batch_idx):
        x, y = batch
        return torch.nn.functional.cross_entropy(self.model(x), y)

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        scheduler = CosineAnnealingLR(optimizer, T_max=self.trainer.max_epochs)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step", "frequency": 1},
        }
""",
        (("T_max=self.trainer.max_epochs", "T_max=self.trainer.estimated_stepping_batches"),),
    ),
    Script(
        "timm_step_no_epoch",
        "",
        """
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler


def main(model, loader, criterion, epochs=300):
    optimizer = create_optimizer_v2(model, opt="adamw", lr=5e-4, weight_decay=0.05)
    scheduler = CosineLRScheduler(optimizer, t_initial=epochs, warmup_t=5, warmup_lr_init=1e-6, lr_min=1e-5)
    for epoch in range(epochs):
        for input, target in loader:
            loss = criterion(model(input), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
""",
        (("scheduler.step()", "scheduler.step(epoch + 1)"),),
    ),
    Script(
        "gan_copy_paste",
        "LR125",
        """
import itertools
import torch
from torch.optim import lr_scheduler


class CycleTrainer:
    def __init__(self, opt, nets):
        self.opt = opt
        self.netG_A, self.netG_B, self.netD_A, self.netD_B = nets
        self.optimizer_G = torch.optim.Adam(itertools.chain(self.netG_A.parameters(), self.netG_B.parameters()), lr=opt.lr, betas=(0.5, 0.999))
        self.optimizer_D = torch.optim.Adam(itertools.chain(self.netD_A.parameters(), self.netD_B.parameters()), lr=opt.lr, betas=(0.5, 0.999))
        rule = lambda epoch: 1.0 - max(0, epoch - 100) / 101.0
        self.scheduler_G = lr_scheduler.LambdaLR(self.optimizer_G, lr_lambda=rule)
        self.scheduler_D = lr_scheduler.LambdaLR(self.optimizer_G, lr_lambda=rule)

    def optimize(self, real_a, real_b):
        self.optimizer_G.zero_grad()
        self.backward_G(real_a, real_b).backward()
        self.optimizer_G.step()
        self.optimizer_D.zero_grad()
        self.backward_D(real_a, real_b).backward()
        self.optimizer_D.step()

    def fit(self, loader):
        for epoch in range(200):
            for a, b in loader:
                self.optimize(a, b)
            self.scheduler_G.step()
            self.scheduler_D.step()
""",
        (
            (
                "self.scheduler_D = lr_scheduler.LambdaLR(self.optimizer_G",
                "self.scheduler_D = lr_scheduler.LambdaLR(self.optimizer_D",
            ),
        ),
    ),
    Script(
        "class_never_stepped",
        "LR102",
        """
import torch
from torch import nn, optim


class Trainer:
    def __init__(self, model, train_loader, test_loader, lr, epochs):
        self.model = model
        self.train_loader = train_loader
        self.test_loader = test_loader
        self.epochs = epochs
        self.optimizer = optim.SGD(self.model.parameters(), lr=lr, momentum=0.9)
        self.scheduler = optim.lr_scheduler.StepLR(self.optimizer, step_size=30, gamma=0.1)
        self.criterion = nn.CrossEntropyLoss()

    def _epoch(self):
        total = 0.0
        for data, target in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(data), target)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(self.train_loader)

    def run(self):
        for epoch in range(self.epochs):
            loss = self._epoch()
            #STEP
            print(f"epoch {epoch} loss {loss:.4f} lr {self.optimizer.param_groups[0]['lr']}")
""",
        (("#STEP", "self.scheduler.step()"),),
    ),
    Script(
        "amp_clip_no_unscale",
        "LR114",
        """
import torch
from torch.cuda.amp import GradScaler, autocast


def train_one_epoch(model, loader, optimizer, scaler, criterion, device, max_norm=1.0):
    model.train()
    for images, masks in loader:
        images, masks = images.to(device), masks.to(device)
        optimizer.zero_grad()
        with autocast():
            loss = criterion(model(images), masks)
        scaler.scale(loss).backward()
        #UNSCALE
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        scaler.step(optimizer)
        scaler.update()


def main(model, loader, criterion, device):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    scaler = GradScaler()
    for epoch in range(100):
        train_one_epoch(model, loader, optimizer, scaler, criterion, device)
""",
        (("#UNSCALE", "scaler.unscale_(optimizer)"),),
    ),
    Script(
        "clip_after_step",
        "LR113",
        """
import torch
import torch.nn as nn
from torch.nn.utils import clip_grad_norm_


def train_lm(model, corpus, ntokens, bptt=35, epochs=40, lr=1.0):
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for epoch in range(epochs):
        hidden = model.init_hidden(20)
        for data, targets in corpus.batches(bptt):
            optimizer.zero_grad()
            hidden = tuple(h.detach() for h in hidden)
            output, hidden = model(data, hidden)
            loss = criterion(output.view(-1, ntokens), targets)
            loss.backward()
            #BEFORE
            optimizer.step()
            clip_grad_norm_(model.parameters(), 0.25)
""",
        (
            ("            clip_grad_norm_(model.parameters(), 0.25)\n", ""),
            ("#BEFORE", "clip_grad_norm_(model.parameters(), 0.25)"),
        ),
    ),
    Script(
        "plateau_accuracy_min",
        "LR107",
        """
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau


def train_epoch(model, loader, optimizer, loss_fn):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()


def validate(model, loader):
    correct = total = 0
    with torch.no_grad():
        for x, y in loader:
            correct += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    return 100.0 * correct / total


def main(model, train_loader, val_loader):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.1, patience=3)
    best = 0.0
    for epoch in range(60):
        train_epoch(model, train_loader, optimizer, torch.nn.functional.cross_entropy)
        val_acc = validate(model, val_loader)
        scheduler.step(val_acc)
        best = max(best, val_acc)
""",
        (("ReduceLROnPlateau(optimizer,", 'ReduceLROnPlateau(optimizer, mode="max",'),),
    ),
    Script(
        "checkpoint_without_scheduler",
        "LR112",
        """
import os
import torch


def main(args, model, loader, criterion):
    optimizer = torch.optim.SGD(model.parameters(), args.lr, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    start_epoch = 0
    if args.resume and os.path.isfile(args.resume):
        checkpoint = torch.load(args.resume, map_location="cpu")
        start_epoch = checkpoint["epoch"]
        model.load_state_dict(checkpoint["state_dict"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        #LOAD
    for epoch in range(start_epoch, 90):
        for x, y in loader:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        torch.save({
            "epoch": epoch + 1,
            "state_dict": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            #SAVE
        }, "checkpoint.pth.tar")
""",
        (
            ("#LOAD", 'scheduler.load_state_dict(checkpoint["scheduler"])'),
            ("#SAVE", '"scheduler": scheduler.state_dict(),'),
        ),
    ),
    Script(
        "old_order",
        "LR103",
        """
from torch.optim import SGD
from torch.optim.lr_scheduler import MultiStepLR


def train(epoch, net, loader, optimizer, criterion):
    net.train()
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(net(inputs), targets)
        loss.backward()
        optimizer.step()


def main(net, loader, criterion):
    optimizer = SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    scheduler = MultiStepLR(optimizer, milestones=[60, 120, 160], gamma=0.2)
    for epoch in range(200):
        scheduler.step()
        train(epoch, net, loader, optimizer, criterion)
        #AFTER
""",
        (
            ("        scheduler.step()\n", ""),
            ("#AFTER", "scheduler.step()"),
        ),
    ),
    Script(
        "milestones_beyond_run",
        "",
        """
import argparse
import torch
from torch.optim.lr_scheduler import MultiStepLR

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", default=50, type=int)
parser.add_argument("--lr", default=0.1, type=float)
parser.add_argument("--schedule", type=int, nargs="+", default=[81, 122])
args = parser.parse_args()


def main(model, loader, criterion):
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    scheduler = MultiStepLR(optimizer, milestones=args.schedule, gamma=0.1)
    for epoch in range(args.epochs):
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        scheduler.step()
""",
        (("default=[81, 122]", "default=[25, 40]"),),
    ),
    Script(
        "exponential_per_iteration",
        "LR120",
        """
import torch
import torch.nn as nn


class Solver(object):
    def __init__(self, model, loader, cfg):
        self.model, self.loader, self.cfg = model, loader, cfg
        self.optim = torch.optim.Adam(model.parameters(), lr=cfg.lr, betas=(0.9, 0.999))
        self.sched = torch.optim.lr_scheduler.ExponentialLR(self.optim, gamma=0.95)
        self.mse = nn.MSELoss()

    def train(self):
        for epoch in range(self.cfg.n_epochs):
            for i, (x, y) in enumerate(self.loader):
                loss = self.mse(self.model(x), y)
                self.optim.zero_grad()
                loss.backward()
                self.optim.step()
                self.sched.step()
            #EPOCH
""",
        (
            ("                self.sched.step()\n", ""),
            ("#EPOCH", "self.sched.step()"),
        ),
    ),
    Script(
        "optimizer_rebuilt_across_functions",
        "LR109",
        """
import torch
import torch.nn.functional as F


def train(model, loader, epoch, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    model.train()
    for data, target in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())


def main(model, train_loader, epochs=20):
    for epoch in range(1, epochs + 1):
        train(model, train_loader, epoch, 1e-3)
""",
        (
            (
                "def train(model, loader, epoch, lr):\n    optimizer = torch.optim.Adam(model.parameters(), lr=lr)\n",
                "def train(model, loader, epoch, optimizer):\n",
            ),
            (
                "    for epoch in range(1, epochs + 1):\n",
                "    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)\n    for epoch in range(1, epochs + 1):\n",
            ),
            ("epoch, 1e-3)", "epoch, optimizer)"),
        ),
    ),
    Script(
        "no_zero_grad_class",
        "LR106",
        """
import torch
from torch import nn


class Learner:
    def __init__(self, model, data, lr=1e-2):
        self.model, self.data = model, data
        self.opt = torch.optim.SGD(model.parameters(), lr=lr)
        self.loss_func = nn.CrossEntropyLoss()

    def one_batch(self, xb, yb):
        loss = self.loss_func(self.model(xb), yb)
        loss.backward()
        self.opt.step()
        #ZERO
        return loss.detach()

    def fit(self, epochs):
        for epoch in range(epochs):
            for xb, yb in self.data.train_dl:
                self.one_batch(xb, yb)
""",
        (("#ZERO", "self.opt.zero_grad()"),),
    ),
    Script(
        "hf_constant_warmup",
        "LR119",
        """
from transformers import Trainer, TrainingArguments


def run(model, tokenized, collator):
    args = TrainingArguments(
        output_dir="out",
        per_device_train_batch_size=8,
        gradient_accumulation_steps=4,
        learning_rate=2e-4,
        lr_scheduler_type="constant",
        warmup_ratio=0.03,
        num_train_epochs=3,
        logging_steps=10,
    )
    Trainer(model=model, args=args, train_dataset=tokenized, data_collator=collator).train()
""",
        (('"constant"', '"constant_with_warmup"'),),
    ),
    Script(
        "late_param_group",
        "LR105",
        """
import torch
from torchvision.models import resnet18


def finetune(loader, criterion):
    model = resnet18(weights="DEFAULT")
    for p in model.parameters():
        p.requires_grad = False
    model.fc = torch.nn.Linear(512, 10)
    optimizer = torch.optim.SGD(model.fc.parameters(), lr=0.01, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda e: 0.95**e)
    for epoch in range(20):
        if epoch == 5:
            for p in model.layer4.parameters():
                p.requires_grad = True
            optimizer.add_param_group({"params": model.layer4.parameters(), "lr": 1e-3})
            #NEW
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        scheduler.step()
""",
        (
            (
                '            optimizer.add_param_group({"params": model.layer4.parameters(), "lr": 1e-3})\n            #NEW\n',
                "",
            ),
            (
                "torch.optim.SGD(model.fc.parameters(), lr=0.01, momentum=0.9)",
                'torch.optim.SGD([{"params": model.fc.parameters()}, {"params": model.layer4.parameters(), "lr": 1e-3}], lr=0.01, momentum=0.9)',
            ),
        ),
    ),
    Script(
        "lambda_returns_rate",
        "LR130",
        """
import torch
from torch.optim.lr_scheduler import LambdaLR

base_lr = 0.1


def train(model, loader, criterion, epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=base_lr, momentum=0.9)
    scheduler = LambdaLR(optimizer, lr_lambda=lambda epoch: base_lr * 0.97**epoch)
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        scheduler.step()
""",
        (("lambda epoch: base_lr * 0.97**epoch", "lambda epoch: 0.97**epoch"),),
    ),
    Script(
        "kwarg_learning_rate",
        "LR101",
        """
import torch
from functools import partial
from torch import optim as O

make = partial(O.AdamW, weight_decay=0.05)


def build(model, args):
    if args.opt == "sgd":
        return O.SGD(model.parameters(), learning_rate=args.lr, momentum=0.9)
    return make(model.parameters(), lr=args.lr)
""",
        (("learning_rate=args.lr", "lr=args.lr"),),
    ),
    Script(
        "stepLR_iterations_as_epochs",
        "LR120",
        """
import torch


def train(model, train_loader, val_loader, loss_fn):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)
    num_epochs = 30
    for epoch in range(num_epochs):
        model.train()
        running = 0.0
        for step, (x, y) in enumerate(train_loader):
            optimizer.zero_grad()
            loss = loss_fn(model(x.cuda()), y.cuda())
            loss.backward()
            optimizer.step()
            scheduler.step()
            running += loss.item()
        #EPOCH
        print(epoch, running / len(train_loader))
""",
        (
            ("            scheduler.step()\n", ""),
            ("#EPOCH", "scheduler.step()"),
        ),
    ),
    Script(
        "accelerate_accumulate_unprepared",
        "LR115",
        """
import torch
from accelerate import Accelerator
from transformers import get_scheduler


def main(model, train_dataloader, epochs=3):
    accelerator = Accelerator(gradient_accumulation_steps=8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
    total = epochs * len(train_dataloader) // 8
    lr_scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=100, num_training_steps=total)
    model, optimizer, train_dataloader = accelerator.prepare(model, optimizer, train_dataloader)
    for epoch in range(epochs):
        for batch in train_dataloader:
            with accelerator.accumulate(model):
                loss = model(**batch).loss
                accelerator.backward(loss)
                optimizer.step()
                lr_scheduler.step()
                optimizer.zero_grad()
""",
        (
            (
                "model, optimizer, train_dataloader = accelerator.prepare(model, optimizer, train_dataloader)",
                "model, optimizer, train_dataloader, lr_scheduler = accelerator.prepare(model, optimizer, train_dataloader, lr_scheduler)",
            ),
        ),
    ),
    Script(
        "two_phase_optimizer_replaced",
        "LR105",
        """
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR


def train(model, loader, loss_fn):
    optimizer = torch.optim.Adam(model.head.parameters(), lr=1e-3)
    scheduler = CosineAnnealingLR(optimizer, T_max=40)
    for epoch in range(40):
        if epoch == 10:
            model.unfreeze()
            optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
            #AGAIN
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
        scheduler.step()
""",
        (("#AGAIN", "scheduler = CosineAnnealingLR(optimizer, T_max=30)"),),
    ),
    Script(
        "plateau_no_metric",
        "LR107",
        """
import torch
import torch.optim.lr_scheduler as sched


def go(model, loader, val, loss_fn):
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    lr_policy = sched.ReduceLROnPlateau(optimizer, "min", factor=0.3)
    for epoch in range(25):
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
        vloss = val(model)
        lr_policy.step()
""",
        (("lr_policy.step()", "lr_policy.step(vloss)"),),
    ),
)
