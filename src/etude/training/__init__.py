"""Training: runs that advance together, exactly reproducible, in this process or in workers."""

from etude.training.cohort import Cohort, Plan
from etude.training.pool import Pool
from etude.training.serial import SerialCohort

__all__ = ["Cohort", "Plan", "Pool", "SerialCohort"]
