"""The pages, one file for each mode or two that are alike."""

from etude.lab.routes import bench, design, home, mine

ALL = (home.router, bench.router, design.router, mine.router)
