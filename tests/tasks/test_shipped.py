"""Data read past scikit-learn are what scikit-learn reads."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

from etude.errors import TaskError
from etude.tasks.shipped import shipped_table


def test_the_tables_are_those_that_scikit_learn_reads():
    pixels, labels = load_digits(return_X_y=True)
    table = shipped_table("digits.csv.gz", delimiter=",")
    assert np.array_equal(table, np.column_stack([pixels, labels]))
    measured, progression = load_diabetes(return_X_y=True, scaled=False)
    assert np.array_equal(shipped_table("diabetes_data_raw.csv.gz"), measured)
    assert np.array_equal(shipped_table("diabetes_target.csv.gz"), progression)


def test_scikit_learn_is_not_imported_for_them():
    code = (
        "import sys; from etude.tasks import load_task; load_task('digits');"
        " load_task('diabetes'); sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_that_is_not_there_is_said_in_one_sentence():
    with pytest.raises(TaskError, match=r"has no .*nothing\.csv"):
        shipped_table("nothing.csv")
