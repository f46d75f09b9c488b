"""Lanes that can be trained in one pass: one kind of optimizer, one batch size.

The lanes' weights, optimizer memory and extras are the rows of a few stacked tensors. They are
trained chunk by chunk: a chunk's rows stay in the cache for all updates up to the next pause.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from etude.tasks import Prepared
from etude.tasks.trees import leaves, map_tensors
from etude.training.cohort import Plan
from etude.training.course import Course
from etude.training.draws import Draws, Stream
from etude.training.gains import gain_ratio, zero_share
from etude.training.lane_optimizers import Kind
from etude.training.recording import without_advice
from etude.training.signals import Evaluation, Recorder, evaluation_batches, measured, spread
from etude.training.steps import Steps

Row = dict[str, Tensor]
"""A lane's tensors: "weights", "memory ..." of its optimizer and "extra ..." of its model."""


@dataclass(eq=False, slots=True)
class Lane:
    """One run."""

    plan: Plan
    stream: Stream
    rates: list[float]
    """Absolute lr of each update."""
    columns: Tensor
    """What the optimizer takes from them, float64 [updates, columns]."""
    born: int = 0
    """The update at which its optimizer began."""
    done: int = 0
    ended: bool = False
    recorder: Recorder = field(default_factory=Recorder)


class Lanes:
    """The lanes of one kind of optimizer and one batch size.

    Args:
        prepared: the task.
        steps: the steps for that batch size.
        kind: the kind of optimizer.
        width: lanes of a chunk. The last one may need more than there are: fast steps are compiled
            for just so many, and others are recorded for few numbers only. Then it is filled up
            with copies that nobody reads.
    """

    def __init__(self, prepared: Prepared, steps: Steps, kind: Kind, width: int) -> None:
        self._prepared = prepared
        self._steps = steps
        self._kind = kind
        self._width = max(width, steps.network.fewest)
        self._memory = [f"memory {name}" for name in kind.memory]
        self._extras = [f"extra {name}" for name in steps.network.extras]
        self._lanes: list[Lane] = []
        self._rows: Row = {}
        self._arrived: list[tuple[Lane, Row]] = []

    def add(self, lane: Lane, row: Row) -> None:
        """Take in a lane; memory that its row lacks begins at zero."""
        nothing = torch.zeros_like(row["weights"])
        names = ["weights", *self._memory, *self._extras]
        self._arrived.append((lane, {name: row.get(name, nothing) for name in names}))

    def row(self, lane: Lane) -> Row:
        """Give a copy of a lane's tensors."""
        for other, row in self._arrived:
            if other is lane:
                return {name: value.clone() for name, value in row.items()}
        place = self._lanes.index(lane)
        return {name: value[place].clone() for name, value in self._rows.items()}

    def settle(self) -> None:
        """Let lanes that ended go and lanes that arrived in, so that no row is trained in vain."""
        kept = [place for place, lane in enumerate(self._lanes) if not lane.ended]
        if len(kept) == len(self._lanes) and not self._arrived:
            return
        arrived = [pair for pair in self._arrived if not pair[0].ended]
        self._lanes = [self._lanes[place] for place in kept] + [lane for lane, _ in arrived]
        self._arrived = []
        missing = -len(self._lanes) % self._width
        if missing and not self._steps.fast:
            last = self._width - missing
            missing = min(self._width, roomy(max(last, self._steps.network.fewest))) - last
        old, self._rows = self._rows, {}
        for name in ["weights", *self._memory, *self._extras] if self._lanes else []:
            new = [row[name] for _, row in arrived]
            rows = [*old[name][kept], *new] if kept else new
            self._rows[name] = torch.stack(rows + rows[-1:] * missing)

    def train(self, start: int, stop: int, course: Course, draws: Mapping[Stream, Draws]) -> None:
        """Do the updates from `start` to `stop` in all lanes, and record them."""
        for lanes, rows in self._chunks():
            signals, gains = self._train_chunk(lanes, rows, range(start, stop), course, draws)
            for lane, told in zip(lanes, _by_lane(signals), strict=False):
                lane.recorder.extend((t, lane.rates[t], *signs) for t, signs in told)
            for lane, told in zip(lanes, _by_lane(gains), strict=False):
                lane.recorder.extend_gains(
                    (t, *signs) for t, signs in told if lane.plan.measures(t)
                )

    def _chunks(self) -> Iterator[tuple[list[Lane], Row]]:
        for first in range(0, len(self._lanes), self._width):
            part = slice(first, first + self._width)
            yield self._lanes[part], {name: value[part] for name, value in self._rows.items()}

    def _train_chunk(
        self,
        lanes: list[Lane],
        rows: Row,
        updates: range,
        course: Course,
        draws: Mapping[Stream, Draws],
    ) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Train a chunk; give signals of updates, [3, lanes], and gains of some, [2, lanes]."""
        weights = rows["weights"]
        memory = [rows[name] for name in self._memory]
        extras = [rows[name] for name in self._extras]
        buffers = len(self._steps.network.buffers)
        lanes = lanes + lanes[-1:] * (len(weights) - len(lanes))
        columns = torch.stack([lane.columns[updates.start : updates.stop] for lane in lanes], -1)
        columns = columns.unsqueeze(-1).to(weights)
        signals: dict[int, Tensor] = {}
        gains: dict[int, Tensor] = {}
        for t, numbers, (masks, batch) in zip(
            updates, columns, self._drawn(lanes, draws), strict=True
        ):
            gradient, losses, *rest = self._steps.gradient(weights, *extras, *masks, *batch)
            extras[:buffers] = rest[:buffers]
            measures = any(lane.plan.measures(t) for lane in lanes)
            if not course.records(t) and not measures:
                self._steps.update(self._kind, weights, gradient, memory, numbers)
                continue
            norm, before = self._steps.norm, weights.clone()
            loss = self._steps.losses(losses, rest[buffers:], batch)
            seen = [loss, norm(gradient)]
            self._steps.update(self._kind, weights, gradient, memory, numbers)
            if course.records(t):
                signals[t] = torch.stack([*seen, norm(weights - before) / norm(before)])
            if measures:
                again = [*extras, *masks, *batch]
                gains[t] = self._gains(loss, gradient, weights, before, again, batch)
        for name, value in zip(self._extras[:buffers], extras, strict=False):
            rows[name].copy_(value)
        return signals, gains

    def _gains(
        self,
        loss: Tensor,
        gradient: Tensor,
        weights: Tensor,
        before: Tensor,
        again: list[Tensor],
        batch: list[Tensor],
    ) -> Tensor:
        """Compute the lanes' gain ratios and shares of zero gradients, float64 [2, lanes]."""
        losses, *outputs = self._steps.forward(weights, *again)
        after = self._steps.losses(losses, outputs, batch)
        ratio = gain_ratio(loss, after, gradient, weights - before)
        return torch.stack([ratio, zero_share(gradient, self._steps.network.sizes).double()])

    def _drawn(
        self, lanes: list[Lane], draws: Mapping[Stream, Draws]
    ) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
        """Give the masks and the batch of each update, tensors of [lanes, ...]."""
        streams = list(dict.fromkeys(lane.stream for lane in lanes))
        device = self._prepared.device
        places = torch.tensor([streams.index(lane.stream) for lane in lanes])
        index = torch.stack([draws[stream].batches for stream in streams], dim=1)
        index = index.index_select(1, places).to(device)
        uses = zip(*(draws[stream].masks for stream in streams), strict=True)
        masks = [torch.stack(use, dim=1) for use in uses]
        places = places.to(device)
        for t, batch in enumerate(index):
            yield [mask[t].index_select(0, places) for mask in masks], self._examples(batch)

    def _examples(self, index: Tensor) -> list[Tensor]:
        """Give the tensors of the lanes' batches: places [lanes, batch] -> [lanes, batch, ...]."""
        flat = index.flatten()  # one long index is read several times faster than a table of them
        examples = leaves(self._prepared.train.take(flat))
        return [tensor.unflatten(0, index.shape) for tensor in examples]

    def evaluate(self, done: int) -> None:
        """Evaluate all lanes on the validation split, as `signals.evaluate` does one model."""
        for lanes, rows in self._chunks():
            evaluations = self._evaluations(len(lanes), rows)
            for lane, evaluation in zip(lanes, evaluations, strict=True):
                lane.recorder.evaluation(done, evaluation)

    def _evaluations(self, count: int, rows: Row) -> Iterator[Evaluation]:
        """Evaluate so many lanes; what fills the chunk up is left out."""
        task, val, network = self._prepared.task, self._prepared.val, self._steps.network
        weights, extras = rows["weights"], [rows[name] for name in self._extras]
        losses = metrics = torch.zeros(count, dtype=torch.float64)
        outputs: list[Tensor] = []
        for index in evaluation_batches(self._prepared):
            inputs, targets = val.take(index)
            mine = [t.expand(len(weights), *t.shape) for t in leaves(inputs)]
            predicted = self._steps.predict(weights, *extras, *mine)
            output = network.outputs([tensor[:count] for tensor in predicted])
            share = len(index) / val.size
            losses = losses + share * self._for_each(task.loss, output, targets, weights[:count])
            if task.measure:
                each = self._for_each(task.measure, output, targets, weights[:count])
                metrics = metrics + share * each
            if task.predicts and isinstance(output, Tensor):
                outputs.append(output)
        for lane, (loss, metric) in enumerate(zip(losses.tolist(), metrics.tolist(), strict=True)):
            spreading = spread([output[lane] for output in outputs])
            yield Evaluation(loss, metric if task.measure else math.nan, spreading)

    def _for_each(
        self, function: Callable[[Any, Any], Any], outputs: Any, targets: Any, weights: Tensor
    ) -> Tensor:
        """Compute a loss or metric of each lane's outputs, float64 [lanes]."""
        if self._steps.fast:
            try:
                with without_advice(), torch.no_grad():
                    values = vmap(lambda output: function(output, targets))(outputs)
                return values.double().cpu()
            except Exception:  # noqa: BLE001, S110 - a metric may be any Python; then one by one
                pass
        each = (map_tensors(lambda t, lane=lane: t[lane], outputs) for lane in range(len(weights)))
        with torch.no_grad():
            values = [
                measured(function, one, targets, [row])
                for one, row in zip(each, weights, strict=True)
            ]
        return torch.tensor(values, dtype=torch.float64)


def _by_lane(signals: dict[int, Tensor]) -> list[list[tuple[int, list[float]]]]:
    """Read signals of updates, [signals, lanes] each, from the device: for each lane its rows."""
    if not signals:
        return []
    table = torch.stack(list(signals.values())).permute(2, 0, 1).double().cpu().tolist()
    return [list(zip(signals, values, strict=True)) for values in table]


def roomy(lanes: int) -> int:
    """Give the next of 1, 2, 3, 4, 6, 8, 12, 16, 24, ...: each is recorded anew."""
    room, step = 1, 1
    while room < lanes:
        room += step
        step = max(1, 2 ** (room.bit_length() - 2))
    return room
