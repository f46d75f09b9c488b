"""The rates at which an optimizer is stable on a quadratic: arithmetic on the largest curvature.

On a quadratic with largest curvature s an optimizer with constant lr converges below c / s and
diverges above; c depends on the optimizer alone. For a network this is a diagnosis and no
prediction: curvature moves with the weights, most of all near the limit.

| optimizer | c | s is the largest eigenvalue of |
|---|---|---|
| SGD | 2 | H |
| heavy-ball momentum b | 2 + 2 b | H |
| Nesterov momentum b | (2 + 2 b) / (1 + 2 b) | H |
| Adam, AdamW | (2 + 2 b1) / (1 - b1) | P^-1 H |
| RMSprop with momentum b | 2 + 2 b | P^-1 H |
| Adagrad | 2 | P^-1 H |

The first three: Cohen et al. 2021, "Gradient descent on neural networks typically occurs at the
edge of stability", appendix B. Adam, whose first moment is an average and so moves the weights by
lr (1 - b1) per gradient, and its P: Cohen et al. 2022, "Adaptive gradient methods at the edge of
stability", section 2. Weight decay that is added to the gradient adds to H; decoupled decay
(AdamW's) is left out, as it is 100 times smaller than what is measured here.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn, optim

from etude.finder.sharpness import Eigenvalue, sharpness
from etude.strategies import Strategy
from etude.tasks import Prepared

_BETAS = (0.9, 0.999)


def limit_factor(strategy: Strategy) -> float:
    """Give c of the table: the largest stable lr times the largest curvature."""
    options = dict(strategy.options)
    momentum = cast("float", options.get("momentum", 0.0))
    if strategy.optimizer in ("adam", "adamw"):
        beta1 = cast("tuple[float, float]", options.get("betas", _BETAS))[0]
        return (2 + 2 * beta1) / (1 - beta1)
    if options.get("nesterov"):
        return (2 + 2 * momentum) / (1 + 2 * momentum)
    return 2 + 2 * momentum


def is_preconditioned(strategy: Strategy) -> bool:
    """Say whether the optimizer scales each weight's gradient by what it has seen of it."""
    return strategy.optimizer != "sgd"


def preconditioner(strategy: Strategy, optimizer: optim.Optimizer) -> list[Tensor] | None:
    """Give the diagonal P of an optimizer as it stands, a tensor for each trained parameter.

    - Adam, AdamW: (1 - b1^t) (sqrt(v / (1 - b2^t)) + eps); with AMSGrad the largest v so far
    - RMSprop: sqrt(v) + eps
    - Adagrad: sqrt(sum of g^2) + eps

    Returns:
        None for SGD.
    """
    if not is_preconditioned(strategy):
        return None
    (group,) = optimizer.param_groups
    trained = [weight for weight in group["params"] if weight.requires_grad]
    return [_diagonal(strategy, group, optimizer.state.get(weight), weight) for weight in trained]


def _diagonal(
    strategy: Strategy, group: dict[str, Any], memory: dict[str, Any] | None, weight: Tensor
) -> Tensor:
    if not memory:  # never had a gradient, so that its curvature is 0 whatever divides it
        return torch.ones_like(weight)
    eps = group["eps"]
    if strategy.optimizer == "rmsprop":
        return memory["square_avg"].sqrt() + eps
    if strategy.optimizer == "adagrad":
        return memory["sum"].sqrt() + eps
    (beta1, beta2), t = group["betas"], float(memory["step"])
    seen = memory["max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"]
    return (1 - beta1**t) * ((seen / (1 - beta2**t)).sqrt() + eps)


def stable_lr(
    prepared: Prepared, strategy: Strategy, model: nn.Module, optimizer: optim.Optimizer | None
) -> tuple[float, Eigenvalue]:
    """Compute the largest lr that is stable where a run stands, and the curvature behind it.

    Args:
        prepared: the task.
        strategy: what trains.
        model: its model as it stands.
        optimizer: its optimizer as it stands; None where it has not begun, which only SGD allows.

    Returns:
        The lr, infinite where there is no upward curvature; and the eigenvalue of H or P^-1 H.
    """
    decay = dict(strategy.options).get("wd", 0.0) if strategy.optimizer != "adamw" else 0.0
    scale = None if optimizer is None else preconditioner(strategy, optimizer)
    found = sharpness(prepared, model, decay=cast("float", decay), preconditioner=scale)
    return (limit_factor(strategy) / found.value if found.value > 0 else float("inf")), found
