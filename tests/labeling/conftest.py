"""A small real model, saved and loaded as any other."""

from __future__ import annotations

import pytest
from tests.labeling.fakes import save_tiny_model

from falvideo.models.zoo import VideoClassifier


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> VideoClassifier:
    from falvideo.models.zoo import load_model

    return load_model(str(save_tiny_model(tmp_path_factory.mktemp("tiny-model"))), device="cpu")
