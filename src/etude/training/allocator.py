"""Make the C library keep the memory that a training step frees.

Stacked steps allocate and free blocks of megabytes, hundreds of times a second. glibc by default
hands such blocks back to the system at once and asks for them anew, and each page then faults
again: half of a small convolutional net's time.
"""

import ctypes
import sys

# Option numbers of mallopt(3), from glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> bool:
    """Let glibc keep freed memory for the next step; tell whether it could be asked to.

    Only Linux with glibc has the fault and the remedy. Calling it again changes nothing.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library, such as musl
        return False
    settings = ((_MMAP_THRESHOLD, 2**30), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**26))
    return all(mallopt(option, value) for option, value in settings)
