"""The course: items, the experiments that prove them, and what reads and proves both.

Everything here but the proving imports no torch:

    >>> from etude.curriculum import load
    >>> course = load()
    >>> course.item("conceptual-too-high").choice.key
    'A'
"""

from etude.errors import EtudeError

try:
    import markdown_it as _markdown_it  # noqa: F401
    import pydantic as _pydantic  # noqa: F401
    import yaml as _yaml  # noqa: F401
except ModuleNotFoundError as _missing:
    raise EtudeError(
        f"the course needs {_missing.name}, which a plain install leaves out;"
        " pip install 'etude[learn]' brings it"
    ) from None

from etude.curriculum.experiments import Check, Experiment, RunSpec, Snippet
from etude.curriculum.items import (
    AnyItem,
    Card,
    Choice,
    Evidence,
    Fact,
    Flash,
    FollowUp,
    Interview,
    Item,
    Lesson,
    Myth,
    Option,
    Pitfall,
    Practice,
    Proof,
    Question,
    Section,
)
from etude.curriculum.loader import CONTENT, Curriculum, load
from etude.curriculum.markdown import Prose
from etude.curriculum.places import Place
from etude.curriculum.recorded import Measured, Recorded
from etude.curriculum.track import Badge, Challenge, Mode, Placement, Track

__all__ = [
    "CONTENT",
    "AnyItem",
    "Badge",
    "Card",
    "Challenge",
    "Check",
    "Choice",
    "Curriculum",
    "Evidence",
    "Experiment",
    "Fact",
    "Flash",
    "FollowUp",
    "Interview",
    "Item",
    "Lesson",
    "Measured",
    "Mode",
    "Myth",
    "Option",
    "Pitfall",
    "Place",
    "Placement",
    "Practice",
    "Proof",
    "Prose",
    "Question",
    "Recorded",
    "RunSpec",
    "Section",
    "Snippet",
    "Track",
    "load",
]
