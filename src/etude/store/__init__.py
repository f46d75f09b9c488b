"""Where finished runs are kept, so that no run is ever trained twice, and checkpoints of others.

One `Store` is an SQLite file (the default, under the user's data folder) or a PostgreSQL
database. `place` says where it lies, `tables` how it looks inside, `keys` how a run is found and
`store` what it can do.
"""

from etude.store.keys import run_key
from etude.store.place import default_url
from etude.store.store import Store, StoredCheckpoint, StoredRun

__all__ = ["Store", "StoredCheckpoint", "StoredRun", "default_url", "run_key"]
