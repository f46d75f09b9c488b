"""Plain PyTorch, one run after the other: `torch.optim` and nothing between. The oracle.

Each run owns its model, optimizer, batch order and the state of the random draws inside its
model (dropout) and its data (transforms), so it gives the same bits alone, beside others and in
any process.
"""

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from etude.controllers import Loop
from etude.records import Curve
from etude.strategies import Strategy, build_optimizer
from etude.tasks import Prepared, build_model, seed_for, seeded
from etude.tasks.seeds import random_state, set_random_state, untouched
from etude.training.cohort import Plan
from etude.training.course import batch_size_for, controllers_for, course_for, rates_for
from etude.training.order import BatchOrder
from etude.training.signals import (
    Recorder,
    all_finite,
    evaluate,
    gradient_norm,
    trained_weights,
    update_ratio,
)


class SerialCohort:
    """A `Cohort` of ordinary models, each trained by its own `torch.optim` optimizer."""

    def __init__(self, prepared: Prepared, plans: Sequence[Plan], *, updates: int) -> None:
        self._prepared = prepared
        self._updates = updates
        self._lanes = [_Lane(prepared, plan, updates) for plan in plans]

    def advance(self, updates: int) -> None:
        """Train each run that is alive by so many updates, at most to the end of its run."""
        for run in self.alive:
            self._lanes[run].advance(updates)

    def drop(self, runs: Iterable[int]) -> None:
        """End these runs now; their curves stay."""
        for run in runs:
            self._lanes[run].ended = True

    def fork(self, run: int, strategy: Strategy) -> int:
        """Copy a run as it stands, to go on under another strategy; give the copy's number.

        Weights, batch order, random state and what was recorded are copied. The optimizer's
        state goes along when both strategies use the same optimizer, and the controllers' when
        both have the same; otherwise they start anew.
        """
        lane = self._lanes[run]
        twin = _Lane(self._prepared, replace(lane.plan, strategy=strategy), self._updates)
        state = lane.state()
        if strategy.optimizer != lane.plan.strategy.optimizer:
            state["optimizer"] = twin.state()["optimizer"]
        if strategy.controllers != lane.plan.strategy.controllers:
            state["loop"] = twin.state()["loop"]
        twin.restore(state)
        self._lanes.append(twin)
        return len(self._lanes) - 1

    @property
    def alive(self) -> Sequence[int]:
        """The runs that have updates left to do."""
        return [run for run, lane in enumerate(self._lanes) if not lane.ended]

    def done(self, run: int) -> int:
        """Give the number of updates that a run has done."""
        return self._lanes[run].done

    def curve(self, run: int) -> Curve:
        """Give what a run has recorded so far."""
        return self._lanes[run].recorder.curve()

    def state(self) -> dict[str, Any]:
        """Give everything that is needed to go on later, exactly."""
        return {"runs": [(lane.plan, lane.state()) for lane in self._lanes]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state given by `state`."""
        self._lanes = [_Lane(self._prepared, plan, self._updates) for plan, _ in state["runs"]]
        for lane, (_, saved) in zip(self._lanes, state["runs"], strict=True):
            lane.restore(saved)


class _Lane:
    """One run: start from an initial rate, adjust it, update the weights, check, go on."""

    def __init__(self, prepared: Prepared, plan: Plan, updates: int) -> None:
        task, strategy = prepared.task, plan.strategy
        self.plan = plan
        self.done = 0
        self.ended = False
        self.recorder = Recorder()
        self._prepared = prepared
        self._course = course_for(strategy, updates)
        self._rates = rates_for(prepared, strategy, updates, plan.horizon)
        self._loop = Loop(controllers_for(prepared, strategy, updates, plan.horizon))
        self._model = build_model(task, plan.seed).to(prepared.device)
        self._optimizer = build_optimizer(strategy, self._model.parameters())
        self._order = BatchOrder(
            prepared.train.size,
            batch_size_for(prepared, strategy),
            seed_for(task.name, plan.seed, "batches"),
        )
        with seeded(seed_for(task.name, plan.seed, "dropout")):
            self._random = random_state()

    def advance(self, updates: int) -> None:
        """Train by so many updates, at most to the end.

        A run whose loss was not finite ends at its next evaluation, wherever calls part.
        """
        course = self._course
        stop = min(self.done + updates, course.updates)
        with self._own_randomness():
            while self.done < stop and not self.ended:
                if self.done == 0:
                    self._evaluate()
                self._train_to(min(course.next_evaluation(self.done), stop))
                self.recorder.flush()
                if course.evaluates(self.done):
                    self._evaluate()
                    self.ended = not self.recorder.finite or self.done == course.updates

    def _train_to(self, stop: int) -> None:
        self._model.train()
        for t in range(self.done, stop):
            self._update(t)
        self.done = stop

    def _update(self, t: int) -> None:
        model, optimizer = self._model, self._optimizer
        lr = self._rates[t] * self._loop.multiplier(0)
        for group in optimizer.param_groups:
            group["lr"] = lr
        inputs, targets = self._prepared.train.take(self._order.draw())
        optimizer.zero_grad()
        loss = self._loss(inputs, targets)
        loss.backward()
        if not self._course.records(t):
            self._clip()
            optimizer.step()
            self._tell("loss", t, loss)
            return
        grad_norm = gradient_norm(model)
        before = trained_weights(model)
        self._clip()
        optimizer.step()
        self.recorder.row(t, lr, loss, grad_norm, update_ratio(model, before))
        self._tell("loss", t, loss)

    def _loss(self, inputs: Any, targets: Any) -> Tensor:
        """Compute a batch's loss; where it raises on nan it is nan, and so is its gradient."""
        output = None
        try:
            output = self._model(inputs)
            return self._prepared.task.loss(output, targets)
        except Exception:
            weights = list(self._model.parameters())
            if all_finite(output, weights):
                raise
            trained = [weight.sum() for weight in weights if weight.requires_grad]
            return math.nan * torch.stack(trained).sum()

    def _clip(self) -> None:
        clip = self.plan.strategy.clip
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), clip)

    def _evaluate(self) -> None:
        # To look at a run must not change it: what an evaluation draws is no draw of the run's.
        with seeded(seed_for(self._prepared.task.name, self.plan.seed, "evaluation")):
            values = evaluate(self._model, self._prepared)
        self.recorder.evaluation(self.done, values)
        if self.done:
            more_is_better = any(law.maximizes for law in self._loop.controllers)
            self._tell("metric", self.done - 1, values.metric if more_is_better else values.loss)

    def _tell(self, watched: str, t: int, value: Any) -> None:
        """Let the controllers see what they watch; without one that does, nothing is read."""
        if self._loop.watches(watched):
            self._loop.observe(t, watched, value)

    @contextmanager
    def _own_randomness(self) -> Iterator[None]:
        """Let model and data draw from this run's own random state; give the caller's back."""
        with untouched():
            set_random_state(self._random)
            yield
            self._random = random_state()

    def state(self) -> dict[str, Any]:
        """Give everything that is needed to go on exactly; a copy."""
        return copy.deepcopy(
            {
                "done": self.done,
                "ended": self.ended,
                "model": self._model.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "order": self._order.state(),
                "random": self._random,
                "recorder": self.recorder.state(),
                "loop": self._loop.to_json(),
            }
        )

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state given by `state`."""
        saved = copy.deepcopy(state)
        self.done, self.ended = saved["done"], saved["ended"]
        self._model.load_state_dict(saved["model"])
        # Only the optimizer's memory is loaded: its options stay those of this run's strategy,
        # which differ from the saved ones after a fork.
        options = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict(
            {"state": saved["optimizer"]["state"], "param_groups": options}
        )
        self._order.restore(saved["order"])
        self._random = saved["random"]
        self.recorder.restore(saved["recorder"])
        self._loop.restore(saved["loop"])
