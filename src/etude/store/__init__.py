"""Where finished runs are kept, so that no run is ever trained twice.

One `Store` is an SQLite file (the default, under the user's data folder) or a PostgreSQL
database. `place` says where it lies, `tables` how it looks inside, `store` what it can do.
"""

from etude.store.place import default_url
from etude.store.store import Store, StoredRun, run_key

__all__ = ["Store", "StoredRun", "default_url", "run_key"]
