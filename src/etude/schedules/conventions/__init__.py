"""Other libraries' schedules as étude's, with what they do otherwise.

One module per library has its importers under the library's own names and settings; `read` takes
any of them from text. Each importer is tested against the library's own code, driven past its
end, and gives a schedule whose multipliers equal the library's:

    >>> found = read("hf: cosine warmup=3", updates=10)
    >>> print(found.schedule)
    warmup 3 start=0 -> cosine-wave 7
    >>> found.differences(10)[0]
    'the first update has rate 0: it trains nothing'
"""

from etude.schedules.conventions.calls import LIBRARIES, read
from etude.schedules.conventions.record import Imported

__all__ = ["LIBRARIES", "Imported", "read"]
