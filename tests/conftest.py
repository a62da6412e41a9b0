"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_videos() -> Path:
    """The folder of real videos beside the repository; not part of the project, so often absent."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "videos"
    if not folder.is_dir():
        pytest.skip("the shared folder of real videos is not here")
    return folder
