"""Training: runs that advance together, exactly reproducible, in this process or in workers."""

from etude.training.checkpoints import Checkpoints
from etude.training.cohort import Cohort, Plan
from etude.training.engine import SERIAL, Engine, choose
from etude.training.pool import Pool, worker_count
from etude.training.serial import SerialCohort

__all__ = [
    "SERIAL",
    "Checkpoints",
    "Cohort",
    "Engine",
    "Plan",
    "Pool",
    "SerialCohort",
    "choose",
    "worker_count",
]
