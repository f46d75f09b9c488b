import os

import numpy as np
import pytest
from sqlalchemy import text

from etude.records import Curve, Outcome, Run
from etude.store import Store
from etude.store.place import make_engine, read_address

POSTGRESQL = os.environ.get("ETUDE_TEST_PG_URL")


def _make_run(number, *, rows=5, **changes):
    values = np.arange(rows) + number / 7
    curve = Curve(
        update=np.arange(rows, dtype=float),
        lr=values * 1e-3,
        loss=values[::-1].copy(),
        grad_norm=values**2,
        update_ratio=values * 1e-4,
        eval_update=np.array([0.0, rows]),
        val_loss=np.array([3.0, 1 / 3]),
        val_metric=np.array([0.1, 0.9]),
        val_spread=np.array([0.0, 0.3]),
        gain_update=np.array([0.0]),
        gain_ratio=np.array([0.9]),
        zero_share=np.array([1 / 3]),
    )
    given = {
        "id": f"{number:012x}",
        "task": "digits",
        "strategy": "adamw lr=0.001 warmup 5% -> cosine",
        "seed": number % 3,
        "outcome": Outcome.CONVERGED,
        "planned": rows,
        "updates": rows,
        "loss": 1 / 3,
        "metric": 0.9,
        "seconds": 1.25,
        "curve": curve,
    }
    return Run(**(given | changes))


@pytest.fixture(scope="session")
def make_run():
    """Makes a run whose curve tells its number; nothing about it is random."""
    return _make_run


def _fresh_postgresql():
    """A schema of its own for this test process, empty, in the database that is lent to tests."""
    schema = "etude_test_" + os.environ.get("PYTEST_XDIST_WORKER", "main")
    engine = make_engine(read_address(POSTGRESQL))
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    url = engine.url.update_query_dict({"options": f"-csearch_path={schema}"})
    return url.render_as_string(hide_password=False)


@pytest.fixture
def postgresql():
    """Where an empty PostgreSQL store can be made."""
    if not POSTGRESQL:
        pytest.skip("ETUDE_TEST_PG_URL names no PostgreSQL database to test with")
    return _fresh_postgresql()


@pytest.fixture(params=["sqlite", "postgresql"] if POSTGRESQL else ["sqlite"])
def address(request, tmp_path):
    """Where an empty store can be made, on each kind of database that there is."""
    return str(tmp_path / "runs.db") if request.param == "sqlite" else _fresh_postgresql()


@pytest.fixture
def store(address):
    with Store.open(address) as opened:
        yield opened
