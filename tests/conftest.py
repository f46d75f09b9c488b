"""What holds for all tests, and the one browser that they share."""

from pathlib import Path

import pytest
from hypothesis import settings

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

settings.register_profile("etude", deadline=None)  # no test asserts a time
settings.load_profile("etude")


@pytest.fixture(scope="session")
def browser():
    """Start Chromium, once: Playwright refuses a second one in a process."""
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()
