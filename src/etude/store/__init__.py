"""Where finished runs are kept, so that no run is ever trained twice, and checkpoints of others.

One `Store` is an SQLite file (the default, under the user's data folder) or a PostgreSQL
database. `place` says where it lies, `tables` how it looks inside, `schema` makes and completes it,
`rows` turns runs into rows and back, `keys` says how a run is found and `store` what it can do.
"""

from etude.store.keys import run_key
from etude.store.place import default_url
from etude.store.rows import StoredCheckpoint, StoredRun
from etude.store.store import Store

__all__ = ["Store", "StoredCheckpoint", "StoredRun", "default_url", "run_key"]
