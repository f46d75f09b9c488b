"""What étude raises: each message says what must hold, what was given and what to do.

Divergence, stalls and ties are outcomes, never exceptions.
"""


class EtudeError(Exception):
    """A mistake that the user can mend; the command line prints it and exits with 2."""


class ScheduleError(EtudeError, ValueError):
    """A schedule or controller that cannot be built, bound, read or used."""


class StrategyError(EtudeError, ValueError):
    """A strategy with a bad optimizer, rate or option."""


class TaskError(EtudeError, ValueError):
    """A task that cannot be found, loaded or trained."""


class StoreError(EtudeError):
    """A store that cannot be opened, read or written."""


class LogError(EtudeError, ValueError):
    """A log that is not there, cannot be read, or has no column of losses."""


class WatchError(EtudeError, ValueError):
    """A run that cannot be watched or piloted as was asked."""


class CompareError(EtudeError, ValueError):
    """A comparison or a search that was asked for with settings that cannot hold."""


class SourceError(EtudeError, ValueError):
    """A file or text that cannot be linted: unreadable, no Python, too large or too deep."""


class ProbeError(EtudeError, ValueError):
    """A fork test that was asked for with what it cannot fork."""


class LabError(EtudeError, ValueError):
    """Something that a page of the lab asked for and that cannot hold."""


class ContentError(EtudeError, ValueError):
    """Teaching content that cannot be read: each line names a file, a line and what must hold."""


def brief(error: BaseException) -> str:
    """Give an error's kind and the first line of what it says: `KeyError: 'name'`."""
    message = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}{f': {message}' if message else ''}"
