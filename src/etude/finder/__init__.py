"""Find the learning rate: range, suggestion, failure rate; curvature, noise and batch size beside.

`ladder.py` says which short copies are trained, `pick.py` what they say about the long run.
`ramp.py` is the classic range test. `look.py` follows one short run with `sharpness.py`,
`stability.py` and `noise.py`; what these find is a diagnosis and moves no suggestion.
"""

from etude.finder.find import find

__all__ = ["find"]
