"""The pages, one file for each mode or a few that are alike."""

from etude.lab.routes import (
    bench,
    course,
    design,
    home,
    interview,
    mine,
    practice,
    progress,
    recall,
    replay,
    sitting,
)

ALL = tuple(
    room.router
    for room in (
        home,
        bench,
        design,
        mine,
        replay,
        sitting,
        practice,
        interview,
        recall,
        progress,
        course,  # last: its paths begin with the name of any mode
    )
)
