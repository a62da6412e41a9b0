"""Running the command in this process: fast, and with any model; ``running`` runs it as users do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.cli.running import COLOUR_SWITCHES, Outcome, Run
from tests.labeling.fakes import BrightnessModel, grey_video, save_tiny_model


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No colours, 80 columns, whoever runs the tests."""
    for name in COLOUR_SWITCHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process."""
    from falvideo.cli.main import main

    def invoke(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["falvideo", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Outcome(left.value.code, captured.out, captured.err)

    return invoke


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> BrightnessModel:
    """Stands in for whatever -m says."""
    fake = BrightnessModel()
    monkeypatch.setattr("falvideo.models.zoo.load_model", lambda *_, **__: fake)
    return fake


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dark, then bright; 4 s."""
    return grey_video(tmp_path_factory.mktemp("clip") / "clip.mp4", [20] * 20 + [235] * 20)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small real model."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny-model"))
