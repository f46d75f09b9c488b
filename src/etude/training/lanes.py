"""Lanes that can be trained in one pass: they have one batch size.

The lanes' weights, optimizer memory and extras are the rows of a few stacked tensors. They are
trained chunk by chunk: a chunk's rows stay in the cache for all updates up to the next pause. All
gradients of a chunk are computed at once; lanes of one kind of optimizer lie side by side, and
each kind updates its own rows.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from etude.strategies import Strategy
from etude.tasks import Prepared
from etude.tasks.trees import leaves, map_tensors
from etude.training.cohort import Plan
from etude.training.course import Course, batch_size_for
from etude.training.draws import Draws, Stream
from etude.training.gains import gain_ratio, zero_share
from etude.training.lane_optimizers import Kind, kind_of
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

    @property
    def kind(self) -> Kind:
        """What its optimizer shares with those it is updated with."""
        return kind_of(self.plan.strategy)


def company(prepared: Prepared, strategy: Strategy, *, fast: bool) -> Hashable:
    """Give what runs must have in common to be trained in one pass: the batch size.

    Updates that are compiled, or captured for a GPU, are made anew for each number of rows. So
    there the kind of optimizer must be one too.
    """
    made_anew = fast or prepared.device.type != "cpu"
    return batch_size_for(prepared, strategy), kind_of(strategy) if made_anew else None


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of a chunk that one kind of optimizer updates."""

    kind: Kind
    rows: slice
    memory: list[Tensor]
    """What `kind.memory` names, each [rows, weights]."""
    columns: Tensor
    """Columns of each update, [updates, columns, rows, 1]."""


class Lanes:
    """Lanes of one batch size.

    Args:
        prepared: the task.
        steps: the steps for that batch size.
        most: lanes that a chunk may hold.
        fixed: does every chunk hold so many? Where not, compiled steps keep the first number of
            lanes: they are made for it, and bits may depend on it.
    """

    def __init__(self, prepared: Prepared, steps: Steps, most: int, *, fixed: bool) -> None:
        self._prepared = prepared
        self._steps = steps
        self._most = max(most, steps.network.fewest)
        self._fixed = fixed
        self._width = self._most
        """Lanes of a chunk. The last one may need more than there are, since steps are made for
        few numbers only. Then it is filled up with copies that nobody reads."""
        self._extras = [f"extra {name}" for name in steps.network.extras]
        self._lanes: list[Lane] = []
        self._rows: Row = {}
        self._arrived: list[tuple[Lane, Row]] = []

    def add(self, lane: Lane, row: Row) -> None:
        """Take in a lane; memory that its row lacks begins at zero."""
        nothing = torch.zeros_like(row["weights"])
        names = ["weights", *_memory_of(lane), *self._extras]
        self._arrived.append((lane, {name: row.get(name, nothing) for name in names}))

    def row(self, lane: Lane) -> Row:
        """Give a copy of a lane's tensors."""
        arrived = next((row for other, row in self._arrived if other is lane), None)
        row = arrived or self._view(self._lanes.index(lane))
        return {name: value.clone() for name, value in row.items()}

    def _view(self, place: int) -> Row:
        """Give the tensors of the lane at a place."""
        slots = dict(zip(_memory_of(self._lanes[place]), _slots(self._rows), strict=False))
        held = {name: self._rows[name] for name in ["weights", *self._extras]} | slots
        return {name: value[place] for name, value in held.items()}

    def settle(self) -> None:
        """Let lanes that ended go and lanes that arrived in, so that no row is trained in vain."""
        if not self._arrived and not any(lane.ended for lane in self._lanes):
            return
        held = [(lane, self._view(place)) for place, lane in enumerate(self._lanes)]
        left = [pair for pair in [*held, *self._arrived] if not pair[0].ended]
        left.sort(key=lambda pair: pair[0].kind)
        self._lanes, self._arrived = [lane for lane, _ in left], []
        self._choose_width()
        self._rows = self._stacked(left + left[-1:] * self._missing()) if left else {}

    def _choose_width(self) -> None:
        """Share the lanes out evenly, so that little is filled up."""
        if self._lanes and not self._fixed:
            chunks = -(-len(self._lanes) // self._most)
            self._width = min(self._most, self._room(-(-len(self._lanes) // chunks)))
            self._fixed = self._steps.fast

    def _missing(self) -> int:
        """Give the copies that fill the last chunk up."""
        missing = -len(self._lanes) % self._width
        if not missing or self._steps.fast:
            return missing
        last = self._width - missing
        return min(self._width, self._room(last)) - last

    def _room(self, lanes: int) -> int:
        return roomy(max(lanes, self._steps.network.fewest))

    def _stacked(self, pairs: list[tuple[Lane, Row]]) -> Row:
        memory = [[row[name] for name in _memory_of(lane)] for lane, row in pairs]
        slots = zip_longest(*memory, fillvalue=torch.zeros_like(pairs[0][1]["weights"]))
        stacked = {f"slot {number}": torch.stack(slot) for number, slot in enumerate(slots)}
        for name in ["weights", *self._extras]:
            stacked[name] = torch.stack([row[name] for _, row in pairs])
        return stacked

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
        extras = [rows[name] for name in self._extras]
        buffers = len(self._steps.network.buffers)
        lanes = lanes + lanes[-1:] * (len(weights) - len(lanes))
        parts = list(_parts(lanes, rows, updates))
        signals: dict[int, Tensor] = {}
        gains: dict[int, Tensor] = {}
        for number, (masks, batch) in enumerate(self._drawn(lanes, draws)):
            t = updates[number]
            gradient, losses, *rest = self._steps.gradient(weights, *extras, *masks, *batch)
            extras[:buffers] = rest[:buffers]
            measures = any(lane.plan.measures(t) for lane in lanes)
            if not course.records(t) and not measures:
                self._update(parts, number, weights, gradient)
                continue
            norm, before = self._steps.norm, weights.clone()
            loss = self._steps.losses(losses, rest[buffers:], batch)
            seen = [loss, norm(gradient)]
            self._update(parts, number, weights, gradient)
            if course.records(t):
                signals[t] = torch.stack([*seen, norm(weights - before) / norm(before)])
            if measures:
                again = [*extras, *masks, *batch]
                gains[t] = self._gains(loss, gradient, weights, before, again, batch)
        for name, value in zip(self._extras[:buffers], extras, strict=False):
            rows[name].copy_(value)
        return signals, gains

    def _update(self, parts: list[_Part], number: int, weights: Tensor, gradient: Tensor) -> None:
        for part in parts:
            mine = weights[part.rows], gradient[part.rows], part.memory, part.columns[number]
            self._steps.update(part.kind, *mine)

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


def _memory_of(lane: Lane) -> list[str]:
    """Name what a lane's row keeps for its optimizer."""
    return [f"memory {name}" for name in lane.kind.memory]


def _slots(rows: Row) -> list[Tensor]:
    """Give the stacked memory; slot i holds the i-th tensor of each lane's own kind."""
    return [value for name, value in rows.items() if name.startswith("slot ")]


def _parts(lanes: list[Lane], rows: Row, updates: range) -> Iterator[_Part]:
    """Cut a chunk by kind."""
    first = 0
    for kind, alike in groupby(lanes, key=lambda lane: lane.kind):
        taken = [lane.columns[updates.start : updates.stop] for lane in alike]
        part = slice(first, first + len(taken))
        memory = [slot[part] for slot in _slots(rows)[: len(kind.memory)]]
        columns = torch.stack(taken, -1).unsqueeze(-1).to(rows["weights"])
        yield _Part(kind, part, memory, columns)
        first = part.stop


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
