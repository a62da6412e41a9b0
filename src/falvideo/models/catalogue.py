"""The models embedded in the package: names, revisions and where they are. Knows no torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

DEFAULT_MODEL = "camera-tiny"


@dataclass(frozen=True)
class EmbeddedModel:
    """One embedded model, as ``falvideo models`` lists it."""

    name: str
    revision: str
    summary: str


EMBEDDED: dict[str, EmbeddedModel] = {
    DEFAULT_MODEL: EmbeddedModel(
        DEFAULT_MODEL,
        "1",
        "how the camera moves: static, handheld, pan, tilt, zoom, roll (10 labels)",
    ),
}


def embedded_path(name: str) -> Path:
    """The folder of an embedded model; the package is always installed as plain files."""
    return Path(str(files("falvideo"))) / "assets" / name
