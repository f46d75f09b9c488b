"""What a training run leaves behind: plain frozen records, ready for JSON, without behaviour.

Every room above this one passes these around; none of them knows torch. One file for each room's
answer; all names are imported from here.
"""

from etude.records.comparison import Comparison, Place, Winner, as_json
from etude.records.diagnosis import (
    Diagnosed,
    Diagnosis,
    Finding,
    Level,
    Log,
    Sweep,
    SweepPlace,
    diagnosis_json,
)
from etude.records.found import (
    BatchScaling,
    Found,
    LrRange,
    Measured,
    NoiseScale,
    Stability,
    Trial,
    found_json,
)
from etude.records.plain import finite
from etude.records.probe import Action, Fork, Probe, Reading, probe_json
from etude.records.run import Array, Curve, Outcome, Run, curve_json, run_json

__all__ = [
    "Action",
    "Array",
    "BatchScaling",
    "Comparison",
    "Curve",
    "Diagnosed",
    "Diagnosis",
    "Finding",
    "Fork",
    "Found",
    "Level",
    "Log",
    "LrRange",
    "Measured",
    "NoiseScale",
    "Outcome",
    "Place",
    "Probe",
    "Reading",
    "Run",
    "Stability",
    "Sweep",
    "SweepPlace",
    "Trial",
    "Winner",
    "as_json",
    "curve_json",
    "diagnosis_json",
    "finite",
    "found_json",
    "probe_json",
    "run_json",
]
