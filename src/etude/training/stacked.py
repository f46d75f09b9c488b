"""Many runs in one pass: a `Cohort` whose lanes are rows of stacked tensors.

Small networks leave a core waiting: most of an update is spent on starting operations. Here one
operation serves a whole chunk of lanes. Runs are grouped by what `lanes.company` says; all else
may differ from lane to lane.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

from etude.errors import EtudeError
from etude.records import Curve
from etude.strategies import Strategy
from etude.tasks import Prepared, build_model
from etude.training.allocator import keep_freed_memory
from etude.training.cohort import Plan
from etude.training.course import Course, batch_size_for, rates_for
from etude.training.draws import Stream
from etude.training.lane_optimizers import columns_of
from etude.training.lanes import Lane, Lanes, Row, company
from etude.training.stackable import chunk_for, network_for
from etude.training.steps import Steps

Mode = Literal["exact", "fast"]

SEGMENT = 64
"""Most updates that are drawn for at a time."""
MASK_BYTES = 2**25
"""What the dropout masks drawn at a time may take, for each seed."""


class StackedCohort:
    """A `Cohort` that trains its runs together.

    Args:
        prepared: the task; `why_not_stacked` must have nothing against it.
        plans: the runs.
        updates: length of each run.
        close: updates that are all recorded.
        mode: "exact" repeats the operations of ordinary training, "fast" compiles them (and
            replays them where there is no compiler).
        chunk: lanes trained in one pass; None chooses as many as stay in the cache.
        steps: the task's steps by batch size, where there are some already; grows by what is made.

    Raises:
        EtudeError: when the task cannot be stacked, or a strategy has controllers; the message
            says why.
    """

    def __init__(
        self,
        prepared: Prepared,
        plans: Sequence[Plan],
        *,
        updates: int,
        close: range = range(0),
        mode: Mode = "exact",
        chunk: int | None = None,
        steps: dict[int, Steps] | None = None,
    ) -> None:
        if chunk is not None and chunk < 1:
            raise EtudeError(f"a chunk must hold at least 1 lane, got chunk={chunk}")
        keep_freed_memory()
        self._prepared = prepared
        self._course = Course(updates, close=close)
        self._fast = mode == "fast"
        self._chunk = chunk
        self._done = 0
        self._steps = {} if steps is None else steps
        self._groups: dict[Hashable, Lanes] = {}
        self._lanes: list[Lane] = []
        self._begin(plans)

    def _begin(self, plans: Sequence[Plan]) -> None:
        streams: dict[tuple[int, int], Stream] = {}
        seeds = dict.fromkeys(plan.seed for plan in plans)
        models = {seed: build_model(self._prepared.task, seed) for seed in seeds}
        for plan in plans:
            batch_size = batch_size_for(self._prepared, plan.strategy)
            key = plan.seed, batch_size
            if key not in streams:
                streams[key] = Stream(self._prepared, plan.seed, batch_size)
            model = models[plan.seed].to(self._prepared.device)
            network = self._steps_for(batch_size).network
            weights, extras = network.row(model)
            named = zip(network.extras, extras, strict=True)
            row = {"weights": weights, **{f"extra {name}": value for name, value in named}}
            self._add(self._lane(plan, streams[key]), row)

    def _company(self, strategy: Strategy) -> Hashable:
        return company(self._prepared, strategy, fast=self._fast)

    def _steps_for(self, batch_size: int) -> Steps:
        if batch_size not in self._steps:
            network = network_for(self._prepared, batch_size)
            self._steps[batch_size] = Steps(network, fast=self._fast)
        return self._steps[batch_size]

    def _lane(self, plan: Plan, stream: Stream, born: int = 0) -> Lane:
        if plan.strategy.controllers:
            raise EtudeError(
                f"a lane's rates must be known before it begins, and a controller answers to its"
                f" run, got `{plan.strategy}`; train it with the engine serial"
            )
        rates = rates_for(self._prepared, plan.strategy, self._course.updates, plan.horizon)
        return Lane(plan, stream, rates, columns_of(plan.strategy, rates, born), born)

    def _add(self, lane: Lane, row: Row | None) -> None:
        """Take in a run; one without tensors has ended."""
        self._lanes.append(lane)
        if row is not None:
            self._home(lane).add(lane, row)

    def _home(self, lane: Lane) -> Lanes:
        key = self._company(lane.plan.strategy)
        if key not in self._groups:
            batch_size = lane.stream.batch_size
            steps, most = (
                self._steps_for(batch_size),
                self._chunk or chunk_for(self._prepared, batch_size),
            )
            fixed = self._fast and self._chunk is not None
            self._groups[key] = Lanes(self._prepared, steps, most, fixed=fixed)
        return self._groups[key]

    def advance(self, updates: int) -> None:
        """Train each run that is alive by so many updates, at most to the end of its run."""
        stop = min(self._done + updates, self._course.updates)
        while self._done < stop and self.alive:
            for group in self._groups.values():
                group.settle()
            if self._done == 0:
                self._evaluate()
            self._train_to(min(self._course.next_evaluation(self._done), stop))
            if self._course.evaluates(self._done):
                self._evaluate()
                for run in self.alive:
                    lane = self._lanes[run]
                    lane.ended = not lane.recorder.finite or self._done == self._course.updates

    def _train_to(self, stop: int) -> None:
        lanes = [self._lanes[run] for run in self.alive]
        streams = dict.fromkeys(lane.stream for lane in lanes)
        while self._done < stop:
            start, self._done = self._done, min(self._done + self._segment(streams), stop)
            draws = {
                stream: stream.draw(
                    self._done - start, self._steps_for(stream.batch_size).network.masks
                )
                for stream in streams
            }
            for group in self._groups.values():
                group.train(start, self._done, self._course, draws)
        for lane in lanes:
            lane.done = stop

    def _segment(self, streams: Iterable[Stream]) -> int:
        """Choose how many updates to draw for at a time."""
        uses = (self._steps_for(stream.batch_size).network.masks.needed for stream in streams)
        largest = max(sum(like.nbytes for _, like in needed) for needed in uses)
        return max(1, min(SEGMENT, MASK_BYTES // max(1, largest)))

    def _evaluate(self) -> None:
        for group in self._groups.values():
            group.evaluate(self._done)

    def drop(self, runs: Iterable[int]) -> None:
        """End these runs now; their curves stay."""
        for run in runs:
            self._lanes[run].ended = True

    def fork(self, run: int, strategy: Strategy) -> int:
        """Copy a run as it stands, to go on under another strategy; give the copy's number.

        Weights, draws and what was recorded are copied. The optimizer's memory goes along when
        both strategies use the same optimizer; otherwise it starts anew.
        """
        lane = self._lanes[run]
        same = strategy.optimizer == lane.plan.strategy.optimizer
        stream = self._stream_for(strategy, lane)
        born = lane.born if same else self._done
        twin = self._lane(replace(lane.plan, strategy=strategy), stream, born)
        twin.done, twin.ended = lane.done, lane.ended
        twin.recorder.restore(lane.recorder.state())
        row = None if lane.ended else self._home(lane).row(lane)
        if row and not same:
            row = {name: value for name, value in row.items() if not name.startswith("memory ")}
        self._add(twin, row)
        return len(self._lanes) - 1

    def _stream_for(self, strategy: Strategy, lane: Lane) -> Stream:
        batch_size = batch_size_for(self._prepared, strategy)
        if batch_size == lane.stream.batch_size:
            return lane.stream
        stream = Stream(self._prepared, lane.plan.seed, batch_size)
        stream.restore(lane.stream.state())
        return stream

    @property
    def alive(self) -> Sequence[int]:
        """The runs that have updates left to do."""
        return [run for run, lane in enumerate(self._lanes) if not lane.ended]

    @property
    def trouble(self) -> str | None:
        """Why fast steps are not compiled after all; None when they are."""
        return next((steps.trouble for steps in self._steps.values() if steps.trouble), None)

    def done(self, run: int) -> int:
        """Give the number of updates that a run has done."""
        return self._lanes[run].done

    def curve(self, run: int) -> Curve:
        """Give what a run has recorded so far."""
        return self._lanes[run].recorder.curve()

    def state(self) -> dict[str, Any]:
        """Give everything that is needed to go on later, exactly."""
        streams = list(dict.fromkeys(lane.stream for lane in self._lanes))
        runs = [
            {
                "plan": lane.plan,
                "stream": streams.index(lane.stream),
                "born": lane.born,
                "done": lane.done,
                "ended": lane.ended,
                "recorder": lane.recorder.state(),
                "row": None if lane.ended else self._home(lane).row(lane),
            }
            for lane in self._lanes
        ]
        return {"done": self._done, "streams": [s.state() for s in streams], "runs": runs}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state given by `state`."""
        self._lanes, self._groups, self._done = [], {}, state["done"]
        streams: dict[int, Stream] = {}
        for saved in state["runs"]:
            plan, number = saved["plan"], saved["stream"]
            if number not in streams:
                batch_size = batch_size_for(self._prepared, plan.strategy)
                streams[number] = Stream(self._prepared, plan.seed, batch_size)
                streams[number].restore(state["streams"][number])
            lane = self._lane(plan, streams[number], saved["born"])
            lane.done, lane.ended = saved["done"], saved["ended"]
            lane.recorder.restore(saved["recorder"])
            self._add(lane, saved["row"])
