"""A task: what is to be learned. Model, loss, data and metric; nothing about how to train."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, cast

from torch import Tensor, nn

from etude.tasks.data import Data, batch_size_of, size_of, split_sizes
from etude.tasks.metrics import METRICS

_BATCH_SIZE = 32
_EPOCHS = 10
_LEAST, _MOST = 200, 2000


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Model, loss and data that strategies are compared on.

    Nothing is checked here: `prepare` tries the task out and says what is wrong with it.
    """

    model: Callable[[], nn.Module]
    """Builds a new model; called once per run under a seeded global state."""
    loss: Callable[[Any, Any], Tensor]
    """Takes (model(input), target) of a batch, gives a scalar: the mean over the batch."""
    train: Data
    _: KW_ONLY
    val: Data | None = None
    """None: a fixed, seeded fifth of `train` is held out."""
    metric: str | Callable[[Any, Any], Any] | None = None
    """"accuracy", or a function (outputs, targets) -> number. Averaged over validation batches,
    weighted by their size."""
    maximize: bool = True
    """Is a larger metric better?"""
    batch_size: int = cast("int", None)
    """Examples per update. Left out: that of the DataLoader, else 32."""
    updates: int | None = None
    """A sensible length of a run. None: 10 epochs, at least 200 and at most 2,000 updates."""
    name: str = "task"
    """What runs are stored and seeded under."""
    about: str = ""
    """One line for lists of tasks."""
    source: str = ""
    """Where the data come from."""
    predicts: bool = True
    """Are outputs predictions per input? False where an output is a sample's loss itself."""

    def __post_init__(self) -> None:
        """Fill in the batch size."""
        if self.batch_size is None:
            object.__setattr__(self, "batch_size", batch_size_of(self.train) or _BATCH_SIZE)

    @property
    def metric_name(self) -> str | None:
        """The metric's name, None where the task has none."""
        if self.metric is None or isinstance(self.metric, str):
            return self.metric
        name = getattr(self.metric, "__name__", type(self.metric).__name__)
        return name if name.isidentifier() else "metric"

    @property
    def measure(self) -> Callable[[Any, Any], Any] | None:
        """The metric as a function (outputs, targets) -> number, None where the task has none."""
        return METRICS.get(self.metric) if isinstance(self.metric, str) else self.metric

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of examples that train and that validate."""
        size = size_of(self.train)
        return split_sizes(size) if self.val is None else (size, size_of(self.val, "val"))

    @property
    def budget(self) -> int:
        """A sensible length of a run, in updates."""
        if self.updates is not None:
            return self.updates
        per_epoch = self.sizes[0] // max(self.batch_size, 1)
        return min(max(_EPOCHS * per_epoch, _LEAST), _MOST)
