"""`etude.finder.stability`: below the limit an optimizer converges on a quadratic, above not.

Judged by `torch.optim` itself, in float64. Adam, RMSprop and Adagrad divide by what they have seen
of the gradient plus eps; with an eps far above any gradient P is eps, constant, and the limit is as
exact for them as for gradient descent.
"""

import math
from functools import partial

import pytest
import torch

from etude.finder.look import restored
from etude.finder.stability import limit_factor, preconditioner, stable_lr
from etude.strategies import build_optimizer, strategy
from etude.tasks import Task, build_model, load_task, prepare, quadratic
from etude.tasks.bowls import Bowl, mean_loss
from etude.training import Plan, SerialCohort

EPS = 1e150  # far above gradients of diverging runs too
FAR = 1e100
UPDATES = 500


def bowl_in_float64():
    curvature = torch.logspace(0, -1, 6, base=20.0, dtype=torch.float64) * 3.7
    point = torch.zeros(1, 6, dtype=torch.float64), torch.zeros(1)
    task = Task(
        partial(Bowl, curvature, 1.0), mean_loss, point, val=point, batch_size=1, predicts=False
    )
    return prepare(task)


def growth(prepared, chosen):
    """Train at a constant lr with `torch.optim`; give how |w| changed over the second half.

    The first half is left out: Adam's bias correction makes its first updates larger.
    """
    model = build_model(prepared.task, 0)
    optimizer = build_optimizer(chosen, model.parameters())
    sizes = []
    for _ in range(UPDATES):
        optimizer.zero_grad()
        mean_loss(model(prepared.train.tensors[0]), torch.zeros(1)).backward()
        optimizer.step()
        sizes.append(float(torch.linalg.vector_norm(model.point.detach())))
        if sizes[-1] > FAR:
            return math.inf
    return sizes[-1] / sizes[UPDATES // 2]


OPTIMIZERS = [
    "sgd",
    "sgd wd=0.5",
    "sgd momentum=0.5",
    "sgd momentum=0.9",
    "sgd momentum=0.9 nesterov=true",
    "sgd momentum=0.9 wd=0.2",
    f"adam eps={EPS}",
    f"adam betas=0.5,0.99 eps={EPS}",
    f"adam amsgrad=true eps={EPS}",
    f"adamw eps={EPS} wd=0",
    f"rmsprop eps={EPS}",
    f"rmsprop momentum=0.8 eps={EPS}",
    f"adagrad eps={EPS}",
]


@pytest.mark.parametrize("text", OPTIMIZERS)
def test_the_limit_parts_convergence_from_divergence(text):
    prepared, family = bowl_in_float64(), strategy(text, lr=1e-3)
    # Some updates in, so that the moments exist and Adam's bias correction is over.
    cohort = SerialCohort(prepared, [Plan(family, 0)], updates=300)
    cohort.advance(300)
    state = cohort.state()["runs"][0][1]
    standing = restored(family, build_model(prepared.task, 0), state, 300)
    limit, found = stable_lr(prepared, family, standing.model, standing.optimizer)
    assert growth(prepared, family.with_lr(0.99 * limit)) < 0.1
    assert growth(prepared, family.with_lr(1.01 * limit)) > 10
    assert limit == pytest.approx(limit_factor(family) / found.value)


def test_the_quadratic_task_has_the_limit_2_to_one_percent():
    prepared = prepare(quadratic())
    model = build_model(prepared.task, 0)
    limit, _ = stable_lr(prepared, strategy("sgd", lr=1), model, None)
    assert limit == pytest.approx(2, rel=0.01)


def test_adam_on_a_quadratic_comes_to_rest_at_its_limit():
    # As the gradient falls so does P, and P^-1 H grows until the limit is the lr: Cohen et al.
    # 2022, figure 1. It then hovers about it.
    prepared, family = bowl_in_float64(), strategy("adam lr=0.01 betas=0.9,0.99")
    cohort = SerialCohort(prepared, [Plan(family, 0)], updates=4000)
    ratios = []
    for _ in range(8):
        cohort.advance(500)
        state = cohort.state()["runs"][0][1]
        at = restored(family, build_model(prepared.task, 0), state, 0)
        limit, _ = stable_lr(prepared, family, at.model, at.optimizer)
        ratios.append(family.peak_lr / limit)
    assert 0.7 < sorted(ratios[4:])[1] < 1.3


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("sgd", 2),
        ("sgd momentum=0.9", 3.8),
        ("nesterov", 3.8 / 2.8),
        ("adam", 38),
        ("adamw betas=0.8,0.999", 18),
        ("rmsprop", 2),
        ("adagrad", 2),
    ],
)
def test_the_factors_are_those_of_the_papers(text, factor):
    assert limit_factor(strategy(text, lr=1)) == pytest.approx(factor)


def test_adams_preconditioner_undoes_its_update():
    # One update is -lr m / P with m = (1 - b1) g after the first gradient g.
    prepared = prepare(load_task("diabetes"))
    model = build_model(prepared.task, 0)
    family = strategy("adam lr=0.01")
    optimizer = build_optimizer(family, model.parameters())
    inputs, targets = prepared.train.take(torch.arange(16))
    before = [w.detach().clone() for w in model.parameters()]
    prepared.task.loss(model(inputs), targets).backward()
    optimizer.step()
    scale = preconditioner(family, optimizer)
    assert scale is not None
    for old, new, p in zip(before, model.parameters(), scale, strict=True):
        expected = old - 0.01 * 0.1 * new.grad / p
        assert torch.allclose(new.detach(), expected, atol=1e-7)


def test_a_weight_without_gradient_has_a_harmless_preconditioner():
    model = torch.nn.ModuleList([torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)])
    family = strategy("adam lr=0.01")
    optimizer = build_optimizer(family, model.parameters())
    model[0](torch.ones(1, 2)).sum().backward()
    optimizer.step()
    scale = preconditioner(family, optimizer)
    assert scale is not None
    assert torch.equal(scale[2], torch.ones(1, 2))


def test_sgd_has_none():
    model = torch.nn.Linear(2, 1)
    family = strategy("sgd lr=0.01")
    assert preconditioner(family, build_optimizer(family, model.parameters())) is None
