"""The ready-made tasks by name. Data are loaded or computed only when a task is called for."""

from collections.abc import Callable

from etude.tasks.bowls import noisy_bowl, quadratic
from etude.tasks.images import digits, digits_cnn
from etude.tasks.line import seed_line
from etude.tasks.tables import diabetes
from etude.tasks.task import Task
from etude.tasks.text import characters
from etude.tasks.wells import double_well

READY: dict[str, Callable[[], Task]] = {
    "digits": digits,
    "digits-cnn": digits_cnn,
    "diabetes": diabetes,
    "characters": characters,
    "seed-line": seed_line,
    "quadratic": quadratic,
    "noisy-bowl": noisy_bowl,
    "double-well": double_well,
}
