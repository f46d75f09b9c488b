"""Each importer against the library's own code, driven past its end; kept values where it is not
installed.

`bench/conventions.py` drives the libraries and wrote the golden file; `--sweep` compares hundreds
of further settings.
"""

import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

from etude.schedules.conventions import LIBRARIES

BENCH = Path(__file__).parents[3] / "bench"
sys.path.insert(0, str(BENCH))  # the drivers are a script there
import conventions as peers  # noqa: E402

GOLDEN = json.loads(peers.GOLDEN.read_text())
KEPT = [
    pytest.param(library, case, id=f"{library}-{case['name']}-{i}")
    for library in peers.PACKAGES
    for i, case in enumerate(GOLDEN[library]["cases"])
]
CLOSED_LOOP = {"greedy", "plateau", "reduce_lr_on_plateau"}


@pytest.mark.parametrize(("library", "case"), KEPT)
def test_an_importer_equals_what_the_library_gave(library, case):
    assert peers.worst(library, case, case["values"]) <= 1


@pytest.mark.parametrize("library", peers.PACKAGES)
def test_every_name_of_a_library_was_driven(library):
    plain_numbers = {"keras": {"constant"}}.get(library, set())
    driven = {case["name"] for case in GOLDEN[library]["cases"]}
    assert driven == set(LIBRARIES[library].readers) - CLOSED_LOOP - plain_numbers


@pytest.mark.parametrize("library", peers.PACKAGES)
def test_the_installed_library_still_gives_the_kept_values(library):
    if not peers.installed(library):
        pytest.skip(f"{peers.PACKAGES[library]} is not installed; its kept values are compared")
    for case in GOLDEN[library]["cases"]:
        values = peers.drive(library, case)
        assert peers.worst(library, case, values) <= 1, case["name"]
        assert values == [pytest.approx(row, rel=1e-9, abs=1e-12) for row in case["values"]]


@pytest.mark.parametrize("library", ["hf", "timm"])
def test_the_installed_library_has_no_name_that_is_not_read(library):
    if not peers.installed(library):
        pytest.skip(f"{peers.PACKAGES[library]} is not installed")
    if library == "hf":
        from transformers.trainer_utils import SchedulerType

        names = {str(name.value) for name in SchedulerType}
    else:
        package = importlib.metadata.distribution("timm").locate_file("timm/scheduler")
        names = {file.stem.removesuffix("_lr") for file in Path(package).glob("*_lr.py")}
    assert names <= set(LIBRARIES[library].readers)


def test_a_wrong_multiplier_would_be_seen():
    case = GOLDEN["hf"]["cases"][0]
    wrong = [[value * (1 + 2e-6) for value in row] for row in case["values"]]
    assert peers.worst("hf", case, wrong) > 1
