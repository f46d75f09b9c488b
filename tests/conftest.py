"""What holds for all tests."""

from hypothesis import settings

settings.register_profile("etude", deadline=None)  # no test asserts a time
settings.load_profile("etude")
