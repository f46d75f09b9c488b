"""The classes and functions that rules know: full names, signatures, what their numbers count.

Signatures are those of torch 2.13 and transformers 5; a test compares them with torch's own.
"""

from dataclasses import dataclass

OPTIMIZERS = {
    "Adam": "params lr betas eps weight_decay amsgrad foreach maximize capturable differentiable "
    "fused decoupled_weight_decay",
    "AdamW": "params lr betas eps weight_decay amsgrad maximize foreach capturable differentiable "
    "fused",
    "NAdam": "params lr betas eps weight_decay momentum_decay decoupled_weight_decay foreach "
    "maximize capturable differentiable",
    "RAdam": "params lr betas eps weight_decay decoupled_weight_decay foreach maximize capturable "
    "differentiable",
    "Adamax": "params lr betas eps weight_decay foreach maximize differentiable capturable",
    "SGD": "params lr momentum dampening weight_decay nesterov maximize foreach differentiable "
    "fused",
    "RMSprop": "params lr alpha eps weight_decay momentum centered capturable foreach maximize "
    "differentiable",
    "Adagrad": "params lr lr_decay weight_decay initial_accumulator_value eps foreach maximize "
    "differentiable fused",
    "Adadelta": "params lr rho eps weight_decay foreach capturable maximize differentiable",
    "ASGD": "params lr lambd alpha t0 weight_decay foreach maximize differentiable capturable",
    "Adafactor": "params lr beta2_decay eps d weight_decay foreach maximize",
    "LBFGS": "params lr max_iter max_eval tolerance_grad tolerance_change history_size "
    "line_search_fn",
    "Muon": "params lr weight_decay momentum nesterov ns_coefficients eps ns_steps adjust_lr_fn",
    "Rprop": "params lr etas step_sizes capturable foreach maximize differentiable",
    "SparseAdam": "params lr betas eps maximize",
}
"""Parameters of each optimizer of torch.optim, in order."""

ADAMS = frozenset({"Adam", "AdamW", "NAdam", "RAdam", "Adamax"})

SCHEDULERS = {
    "StepLR": "optimizer step_size gamma last_epoch verbose",
    "MultiStepLR": "optimizer milestones gamma last_epoch verbose",
    "ExponentialLR": "optimizer gamma last_epoch verbose",
    "CosineAnnealingLR": "optimizer T_max eta_min last_epoch verbose",
    "CosineAnnealingWarmRestarts": "optimizer T_0 T_mult eta_min last_epoch verbose",
    "LinearLR": "optimizer start_factor end_factor total_iters last_epoch verbose",
    "ConstantLR": "optimizer factor total_iters last_epoch verbose",
    "PolynomialLR": "optimizer total_iters power last_epoch verbose",
    "LambdaLR": "optimizer lr_lambda last_epoch verbose",
    "MultiplicativeLR": "optimizer lr_lambda last_epoch verbose",
    "CyclicLR": "optimizer base_lr max_lr step_size_up step_size_down mode gamma scale_fn "
    "scale_mode cycle_momentum base_momentum max_momentum last_epoch verbose",
    "OneCycleLR": "optimizer max_lr total_steps epochs steps_per_epoch pct_start anneal_strategy "
    "cycle_momentum base_momentum max_momentum div_factor final_div_factor three_phase last_epoch "
    "verbose",
    "ReduceLROnPlateau": "optimizer mode factor patience threshold threshold_mode cooldown min_lr "
    "eps verbose",
    "SequentialLR": "optimizer schedulers milestones last_epoch verbose",
    "ChainedScheduler": "schedulers optimizer",
}
"""Parameters of each class of torch.optim.lr_scheduler; `verbose` was there before torch 2.7."""

PLATEAU = "ReduceLROnPlateau"
SETTERS = frozenset({"LambdaLR", "OneCycleLR", "CyclicLR", "CosineAnnealingWarmRestarts"})
"""Classes that set the rate instead of multiplying the one they find."""

HF_SCHEDULES = {
    "get_constant_schedule": "optimizer last_epoch",
    "get_constant_schedule_with_warmup": "optimizer num_warmup_steps last_epoch",
    "get_linear_schedule_with_warmup": "optimizer num_warmup_steps num_training_steps last_epoch",
    "get_cosine_schedule_with_warmup": "optimizer num_warmup_steps num_training_steps num_cycles "
    "last_epoch",
    "get_cosine_with_hard_restarts_schedule_with_warmup": "optimizer num_warmup_steps "
    "num_training_steps num_cycles last_epoch",
    "get_polynomial_decay_schedule_with_warmup": "optimizer num_warmup_steps num_training_steps "
    "lr_end power last_epoch",
    "get_inverse_sqrt_schedule": "optimizer num_warmup_steps timescale last_epoch",
    "get_scheduler": "name optimizer num_warmup_steps num_training_steps scheduler_specific_kwargs",
}
"""Parameters of transformers' schedule functions; all count updates."""

TORCH_LR = "torch.optim.lr_scheduler"

_OTHERS = {
    "torch.utils.data.DataLoader": ("loader", "dataset batch_size"),
    "torch.amp.GradScaler": ("scaler", "device init_scale"),
    "accelerate.Accelerator": (
        "accelerator",
        "device_placement split_batches mixed_precision gradient_accumulation_steps",
    ),
    "lightning.fabric.Fabric": ("fabric", "accelerator"),
    "transformers.TrainingArguments": ("arguments", "output_dir"),
    "transformers.Seq2SeqTrainingArguments": ("arguments", "output_dir"),
    "transformers.Trainer": ("trainer", "model args"),
    "transformers.Seq2SeqTrainer": ("trainer", "model args"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known about a class or function."""

    kind: str
    parameters: tuple[str, ...]


def _entries() -> dict[str, Entry]:
    found = {
        f"torch.optim.{name}": Entry("optimizer", tuple(text.split()))
        for name, text in OPTIMIZERS.items()
    }
    for name, text in SCHEDULERS.items():
        found[f"{TORCH_LR}.{name}"] = Entry("scheduler", tuple(text.split()))
    for name, text in HF_SCHEDULES.items():
        found[f"transformers.{name}"] = Entry("scheduler", tuple(text.split()))
    for full, (kind, text) in _OTHERS.items():
        found[full] = Entry(kind, tuple(text.split()))
    return found


KNOWN = _entries()
"""Everything known, by its full name."""

_SAME = (
    ("pytorch_lightning.", "lightning."),
    ("lightning.pytorch.", "lightning."),
    ("lightning_fabric.", "lightning.fabric."),
    ("lightning.Fabric", "lightning.fabric.Fabric"),
    ("torch.cuda.amp.", "torch.amp."),
    ("torch.amp.grad_scaler.", "torch.amp."),
    ("torch.utils.data.dataloader.", "torch.utils.data."),
    ("torch_geometric.loader.DataLoader", "torch.utils.data.DataLoader"),
    ("torch.nn.utils.clip_grad.", "torch.nn.utils."),
    ("transformers.optimization.", "transformers."),
    ("transformers.trainer.", "transformers."),
    ("transformers.training_args.", "transformers."),
    ("accelerate.accelerator.", "accelerate."),
)


def canonical(full: str) -> str:
    """Give the one name of what libraries export under several."""
    if full.startswith("torch.optim."):
        head, _, last = full.rpartition(".")
        if last in OPTIMIZERS and head == f"torch.optim.{last.lower()}":
            return f"torch.optim.{last}"
        return full
    for old, new in _SAME:
        if full.startswith(old):
            full = new + full[len(old) :]
    return full


COUNTS = {
    "CosineAnnealingLR": ("T_max",),
    "CosineAnnealingWarmRestarts": ("T_0",),
    "LinearLR": ("total_iters",),
    "ConstantLR": ("total_iters",),
    "PolynomialLR": ("total_iters",),
    "StepLR": ("step_size",),
    "MultiStepLR": ("milestones",),
    "OneCycleLR": ("total_steps",),
    "CyclicLR": ("step_size_up", "step_size_down"),
    "SequentialLR": ("milestones",),
}
"""Parameters that count calls of `step()`."""

HF_COUNTS = ("num_warmup_steps", "num_training_steps")
