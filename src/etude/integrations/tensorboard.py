"""Write scalars for TensorBoard, with torch's own writer."""

import math
from collections.abc import Mapping
from typing import Any

from etude.errors import WatchError


class Board:
    """Scalars of one run. Give a folder, or a `SummaryWriter` of your own, which stays open."""

    def __init__(self, place: Any) -> None:
        self._own = not hasattr(place, "add_scalar")
        self._writer = _writer(place) if self._own else place

    def write(self, update: int, values: Mapping[str, float]) -> None:
        """Write the values of one update under their tags; nan stands for one that is not known."""
        for tag, value in values.items():
            if not math.isnan(value):
                self._writer.add_scalar(tag, value, update)

    def close(self) -> None:
        """Write out what is waiting."""
        self._writer.flush()
        if self._own:
            self._writer.close()


def _writer(folder: Any) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise WatchError(
            "writing for TensorBoard needs its package, which is not installed; "
            "run pip install tensorboard, or leave tensorboard= out"
        ) from None
    return SummaryWriter(str(folder))
