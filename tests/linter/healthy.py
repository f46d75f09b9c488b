"""Training code that is right, or of which nobody can say that it is wrong: nothing may be found.

Each is a way of writing that a simpler linter would take for a mistake.
"""

_HEAD = """
import torch
from torch.optim import Adam, AdamW, SGD
from torch.optim.lr_scheduler import *

"""

HEALTHY = {
    "epochs_times_what_is_a_number_of_batches": """
def main(model, dataset, max_epochs=20, batch_size=64):
    loader = DataLoader(dataset, batch_size=batch_size)
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = CosineAnnealingLR(optimizer, T_max=max_epochs * (len(dataset) // batch_size))
    for epoch in range(max_epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_of(model(x), y).backward()
            optimizer.step()
            scheduler.step()
""",
    "a_function_of_a_rate_that_is_its_own": """
def rule(lr):
    return lambda t: lr * 0.9**t

optimizer = SGD(model.parameters(), lr=args.lr)
one = LambdaLR(optimizer, lambda t: min(1.0, t / args.warmup) * (args.min_lr / args.lr))
unit = SGD(model.parameters(), lr=lr)
two = LambdaLR(unit, lr_lambda=lambda lr: 0.5 * lr)
plain = SGD(model.parameters(), lr=1.0)
three = LambdaLR(plain, lambda t: schedule.rate * 0.9**t)
""",
    "first_epochs_without_the_scheduler": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = CosineAnnealingLR(optimizer, T_max=epochs - 10)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
    if epoch >= 10:
        scheduler.step()
""",
    "a_cosine_in_each_epoch": """
optimizer = SGD(model.parameters(), lr=0.1)
for epoch in range(30):
    scheduler = CosineAnnealingLR(optimizer, T_max=len(loader))
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
        scheduler.step()
""",
    "a_second_optimizer_with_a_scheduler_of_its_own": """
optimizer = SGD(model.head.parameters(), lr=0.1)
scheduler = CosineAnnealingLR(optimizer, T_max=40)
for epoch in range(40):
    if epoch == 10:
        optimizer = SGD(model.parameters(), lr=0.01)
        scheduler = CosineAnnealingLR(optimizer, T_max=30)
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
    scheduler.step()
""",
    "a_scheduler_that_is_given_the_new_optimizer": """
optimizer = SGD(model.head.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=10)
for epoch in range(40):
    if epoch == 10:
        optimizer = SGD(model.parameters(), lr=0.01)
        scheduler.optimizer = optimizer
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
    scheduler.step()
""",
    "one_cycle_over_epochs": """
optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = OneCycleLR(optimizer, 0.1, epochs=30, steps_per_epoch=1)
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
    scheduler.step()
""",
    "prepared_schedulers_step_with_the_optimizer": """
from accelerate import Accelerator
from transformers import get_scheduler

accelerator = Accelerator(gradient_accumulation_steps=8)
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = get_scheduler("cosine", optimizer, 100, epochs * len(loader) // 8)
model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)
for epoch in range(epochs):
    for x, y in loader:
        with accelerator.accumulate(model):
            accelerator.backward(loss_of(model(x), y))
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
""",
    "two_optimizers_of_a_gan": """
def train(generator, critic, loader):
    opt_g = SGD(generator.parameters(), lr=2e-4)
    opt_c = SGD(critic.parameters(), lr=2e-4)
    decay = LambdaLR(opt_g, rule)
    decay_c = LambdaLR(opt_c, rule)
    for epoch in range(90):
        for real in loader:
            opt_c.zero_grad()
            loss = critic(real) - critic(generator(noise()).detach())
            loss.mean().backward()
            torch.nn.utils.clip_grad_norm_(critic.parameters(), 1.0)
            opt_c.step()
            opt_g.zero_grad()
            (-critic(generator(noise()))).mean().backward()
            torch.nn.utils.clip_grad_norm_(generator.parameters(), 1.0)
            opt_g.step()
        decay.step()
        decay_c.step()
""",
    "a_new_model_for_each_fold": """
for fold, (train, test) in enumerate(folds):
    model = make()
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = StepLR(optimizer, 10)
    for epoch in range(30):
        for x, y in DataLoader(train):
            optimizer.zero_grad()
            loss_of(model(x), y).backward()
            optimizer.step()
        scheduler.step()
""",
    "an_optimizer_for_a_second_phase": """
optimizer = SGD(model.parameters(), lr=0.1)
for epoch in range(30):
    if epoch == 10:
        optimizer = SGD(model.parameters(), lr=0.01)
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
""",
    "warmup_by_batch_then_decay_by_epoch": """
optimizer = SGD(model.parameters(), lr=0.1)
warmup = LinearLR(optimizer, 0.01, total_iters=500)
decay = StepLR(optimizer, 10)
step = 0
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
        step += 1
        if step < 500:
            warmup.step()
    if step >= 500:
        decay.step()
""",
    "a_closure": """
optimizer = torch.optim.LBFGS(model.parameters(), lr=1)
for epoch in range(30):
    def closure():
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        return loss
    optimizer.step(closure)
""",
    "a_scheduler_that_another_file_steps": """
def build(model, epochs):
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = CosineAnnealingLR(optimizer, epochs)
    return optimizer, scheduler
""",
    "a_scheduler_in_a_registry": """
optimizer = SGD(model.parameters(), lr=0.1)
register(StepLR(optimizer, 30))
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
    on_epoch_end()
""",
    "a_trainer_whose_base_is_elsewhere": """
from trainers import Base

class Trainer(Base):
    def __init__(self, model):
        super().__init__()
        self.optimizer = SGD(model.parameters(), lr=0.1)
        self.scheduler = StepLR(self.optimizer, 30)

    def epoch(self):
        for x, y in self.loader:
            self.optimizer.zero_grad()
            loss_of(self.model(x), y).backward()
            self.optimizer.step()
""",
    "plateau_at_each_evaluation": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(optimizer)
for epoch in range(30):
    for i, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
        if i % 1000 == 0:
            scheduler.step(evaluate(model))
""",
    "plateau_or_another": """
def make(name, optimizer):
    if name == "plateau":
        return ReduceLROnPlateau(optimizer)
    return StepLR(optimizer, 30)

optimizer = SGD(model.parameters(), lr=0.1)
scheduler = make(args.name, optimizer)
for epoch in range(90):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(evaluate(model))
    else:
        scheduler.step()
""",
    "one_minus_accuracy": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(optimizer)
for epoch in range(30):
    val_acc = train_and_evaluate(model)
    scheduler.step(1 - val_acc)
""",
    "accumulated_and_stepped_together": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = CosineAnnealingLR(optimizer, T_max=30 * len(loader) // 8)
for epoch in range(30):
    for i, (x, y) in enumerate(loader):
        loss = loss_of(model(x), y) / 8
        loss.backward()
        if (i + 1) % 8:
            continue
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
""",
    "full_batch_training": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = CosineAnnealingLR(optimizer, T_max=500)
for epoch in range(500):
    optimizer.zero_grad()
    loss = loss_of(model(x), y)
    loss.backward()
    optimizer.step()
    scheduler.step()
""",
    "updates_without_epochs": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = OneCycleLR(optimizer, 0.1, total_steps=10_000, cycle_momentum=False)
batches = iter(loader)
for step in range(10_000):
    x, y = next(batches)
    optimizer.zero_grad()
    loss_of(model(x), y).backward()
    optimizer.step()
    scheduler.step()
""",
    "a_decay_by_batch_that_knows_the_loader": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = ExponentialLR(optimizer, gamma=0.9 ** (1 / len(loader)))
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
        scheduler.step()
""",
    "a_slow_decay_by_batch": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = ExponentialLR(optimizer, gamma=0.9999)
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
        scheduler.step()
""",
    "zeroed_by_the_model": """
optimizer = SGD(model.parameters(), lr=0.1)
for epoch in range(30):
    for x, y in loader:
        model.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
""",
    "zeroed_by_hand": """
optimizer = SGD(model.parameters(), lr=0.1)
for epoch in range(30):
    for x, y in loader:
        for p in model.parameters():
            p.grad = None
        loss_of(model(x), y).backward()
        optimizer.step()
""",
    "one_step_only": """
optimizer = SGD(model.parameters(), lr=0.1)
loss_of(model(x), y).backward()
optimizer.step()
""",
    "skipped_first_epoch": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, 10)
for epoch in range(30):
    if epoch > 0:
        scheduler.step()
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
""",
    "resumed_in_the_middle": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = CosineAnnealingLR(optimizer, T_max=epochs)
for epoch in range(start_epoch, epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
    scheduler.step()
""",
    "loaded_to_evaluate": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, 10)
model.load_state_dict(torch.load("best.pt"))
print(evaluate(model))
""",
    "restarts_within_the_run": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=10)
for epoch in range(100):
    for i, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
        scheduler.step(epoch + i / len(loader))
""",
    "amp_without_clipping": """
scaler = torch.cuda.amp.GradScaler(enabled=True)
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, 10)
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        scaler.scale(loss_of(model(x), y)).backward()
        scaler.step(optimizer)
        scaler.update()
    scheduler.step()
""",
    "amp_or_not": """
scaler = torch.cuda.amp.GradScaler() if args.amp else None
optimizer = SGD(model.parameters(), lr=0.1)
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        if scaler is not None:
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
        else:
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
""",
    "a_scheduler_of_timm": """
from timm.scheduler import CosineLRScheduler
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = CosineLRScheduler(optimizer, t_initial=30)
for epoch in range(30):
    scheduler.step(epoch)
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
""",
    "a_scheduler_of_another_file": """
from schedules import WarmUpLR
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = WarmUpLR(optimizer, 500)
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
        scheduler.step()
""",
    "a_subclass_of_an_optimizer": """
class Mine(SGD):
    def __init__(self, params, learning_rate):
        super().__init__(params, lr=learning_rate)

optimizer = Mine(model.parameters(), learning_rate=0.1)
""",
    "a_scheduler_in_a_dict": """
state = {"optimizer": SGD(model.parameters(), lr=0.1)}
state["scheduler"] = StepLR(state["optimizer"], 10)
for epoch in range(30):
    train_one_epoch(model, state)
    state["scheduler"].step()
""",
    "schedulers_in_a_list": """
optimizers = [SGD(each.parameters(), lr=0.1) for each in models]
schedulers = [StepLR(each, 10) for each in optimizers]
for epoch in range(30):
    for optimizer, scheduler in zip(optimizers, schedulers):
        for x, y in loader:
            optimizer.zero_grad()
            loss_of(x, y).backward()
            optimizer.step()
        scheduler.step()
""",
    "a_sweep_over_rates": """
for lr in [0.001, 0.01, 0.1, 1.0]:
    model = make()
    optimizer = SGD(model.parameters(), lr=lr)
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
""",
    "a_tuning_objective": """
def objective(trial):
    model = make()
    optimizer = SGD(model.parameters(), lr=trial.suggest_float("lr", 1e-5, 1.0, log=True))
    scheduler = CosineAnnealingLR(optimizer, T_max=trial.suggest_int("epochs", 1, 10))
    for epoch in range(10):
        for x, y in loader:
            optimizer.zero_grad()
            loss_of(model(x), y).backward()
            optimizer.step()
        scheduler.step()
    return evaluate(model)

study.optimize(objective, n_trials=20)
""",
    "distributed_workers": """
def worker(rank, world, args):
    model = make().to(rank)
    optimizer = SGD(model.parameters(), lr=0.1 * world)
    scheduler = MultiStepLR(optimizer, milestones=args.milestones)
    for epoch in range(args.epochs):
        train_one_epoch(model, optimizer, rank)
        scheduler.step()

torch.multiprocessing.spawn(worker, args=(8, parse()), nprocs=8)
""",
    "nan_batches_left_out": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = CosineAnnealingLR(optimizer, T_max=30 * len(loader))
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        if not torch.isfinite(loss):
            continue
        loss.backward()
        optimizer.step()
        scheduler.step()
""",
    "early_stopping": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = ReduceLROnPlateau(optimizer, "min", patience=3)
for epoch in range(1000):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
    val_loss = evaluate(model)
    scheduler.step(val_loss)
    if optimizer.param_groups[0]["lr"] < 1e-6:
        break
""",
    "the_annotated_transformer": """
model = torch.nn.Transformer(512, 8)
optimizer = Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
scheduler = LambdaLR(optimizer, lambda step: noam(step, 512, 4000))
for epoch in range(10):
    for batch in loader:
        optimizer.zero_grad()
        model(batch).backward()
        optimizer.step()
        scheduler.step()
""",
    "per_task_optimizers": """
for task in tasks:
    optimizer = SGD(net.parameters(), lr=0.1)
    for x, y in task.loader:
        optimizer.zero_grad()
        loss_of(net(x), y).backward()
        optimizer.step()
""",
    "stepped_by_a_callback": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, 30)
def after_epoch(engine):
    scheduler.step()
trainer.add_event_handler("epoch", after_epoch)
for x, y in loader:
    optimizer.zero_grad()
    loss_of(model(x), y).backward()
    optimizer.step()
""",
    "layer_wise_groups": """
groups = [{"params": layer.parameters(), "lr": 1e-3 * 0.9**i} for i, layer in enumerate(layers)]
optimizer = AdamW(groups, lr=1e-3)
optimizer.add_param_group({"params": head.parameters()})
scheduler = CosineAnnealingLR(optimizer, T_max=30)
for epoch in range(30):
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
    scheduler.step()
""",
    "stopped_before_the_end": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = CosineAnnealingLR(optimizer, T_max=epochs * len(loader))
for epoch in range(epochs):
    for i, (x, y) in enumerate(loader):
        if i >= limit:
            break
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
        scheduler.step()
""",
    "stepped_with_the_last_batch_of_an_epoch": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = CosineAnnealingLR(optimizer, T_max=epochs)
for epoch in range(epochs):
    for i, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
        if i == last:
            scheduler.step()
""",
    "a_step_before_all_loops": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = LambdaLR(optimizer, rule)
optimizer.step()
for epoch in range(30):
    scheduler.step()
    for x, y in loader:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
""",
    "a_scheduler_of_an_unknown_kind": """
optimizer = SGD(model.parameters(), lr=0.1)
scheduler = getattr(torch.optim.lr_scheduler, args.scheduler)(optimizer, **args.settings)
for epoch in range(30):
    scheduler.step()
""",
}  # fmt: skip

HEALTHY = {name: _HEAD + text for name, text in HEALTHY.items()}
