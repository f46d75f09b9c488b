"""The local web lab, `etude learn`: read, predict, run, be tested, remember, all in the browser.

It is a face, as the command line is: it reads what a page sends, calls one function of the rooms
below and shows the answer. What trains does so in worker processes (`workshop`), what a learner
did is kept in the store, and no page asks any other machine for anything.
"""
