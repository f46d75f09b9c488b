"""Tasks: what is to be learned. Ready-made ones, users' own, and the check that they can train."""

from etude.tasks.bowls import noisy_bowl, quadratic
from etude.tasks.catalogue import READY
from etude.tasks.check import Prepared, plain_arithmetic, prepare
from etude.tasks.data import Data, Examples, examples, split
from etude.tasks.images import digits, digits_cnn
from etude.tasks.line import seed_line
from etude.tasks.load import load_task
from etude.tasks.metrics import accuracy
from etude.tasks.seeds import build_model, seed_all, seed_for, seeded
from etude.tasks.tables import diabetes
from etude.tasks.task import Task
from etude.tasks.text import characters
from etude.tasks.wells import double_well

__all__ = [
    "READY",
    "Data",
    "Examples",
    "Prepared",
    "Task",
    "accuracy",
    "build_model",
    "characters",
    "diabetes",
    "digits",
    "digits_cnn",
    "double_well",
    "examples",
    "load_task",
    "noisy_bowl",
    "plain_arithmetic",
    "prepare",
    "quadratic",
    "seed_all",
    "seed_for",
    "seed_line",
    "seeded",
    "split",
]
