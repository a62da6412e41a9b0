"""falvideo: labels for videos.

    import falvideo

    result = falvideo.label("clip.mp4")
    result.labels        # of the whole clip, best first
    result.segments      # the timeline
    result.save("out", formats=["json", "vtt"])

Names are loaded when first used (PEP 562): importing the package loads neither torch nor FFmpeg.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from falvideo.errors import FalError

if TYPE_CHECKING:
    from falvideo.labeling.pipeline import label
    from falvideo.labeling.result import LabelResult
    from falvideo.models.configuration_fal import FALConfig
    from falvideo.models.modeling_fal import FALModel, FALVideoClassifierForVideoClassification
    from falvideo.models.video_processing_fal import FALVideoProcessor
    from falvideo.models.zoo import VideoClassifier, load_model
    from falvideo.records import LabelScore, Segment, Timeline, VideoInfo
    from falvideo.video import open_video, probe

__version__ = "0.1.0.dev0"

_HOMES: dict[str, str] = {
    "FALConfig": "falvideo.hf",
    "FALModel": "falvideo.hf",
    "FALVideoClassifierForVideoClassification": "falvideo.hf",
    "FALVideoProcessor": "falvideo.hf",
    "LabelResult": "falvideo.labeling.result",
    "LabelScore": "falvideo.records",
    "Segment": "falvideo.records",
    "Timeline": "falvideo.records",
    "VideoClassifier": "falvideo.models.zoo",
    "VideoInfo": "falvideo.records",
    "label": "falvideo.labeling.pipeline",
    "load_model": "falvideo.models.zoo",
    "open_video": "falvideo.video",
    "probe": "falvideo.video",
}

__all__ = [
    "FALConfig",
    "FALModel",
    "FALVideoClassifierForVideoClassification",
    "FALVideoProcessor",
    "FalError",
    "LabelResult",
    "LabelScore",
    "Segment",
    "Timeline",
    "VideoClassifier",
    "VideoInfo",
    "__version__",
    "label",
    "load_model",
    "open_video",
    "probe",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'falvideo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
