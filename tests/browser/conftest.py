"""What is needed to look at things as a user does; without it these tests are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of the system's browser."""
    pytest.importorskip("playwright", reason="Playwright is not installed: uv sync")
    from tests.browser import chromium

    if chromium.BROWSER is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    with chromium.opened() as opened:
        yield opened
