"""Importing this module makes FAL an ordinary model of transformers in this process.

    import falvideo.hf
    from transformers import AutoImageProcessor, FALVideoClassifierForVideoClassification

The Auto classes know ``model_type: "fal"`` afterwards (config, model, video classification, processor), and
``transformers.FALConfig`` and its siblings can be imported by name, as with a model that ships inside transformers.
Importing twice changes nothing.
"""

from __future__ import annotations

import sys

from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForVideoClassification,
)

# The name at the top of transformers refuses to be used without torchvision, the class itself does not.
from transformers.models.auto.video_processing_auto import AutoVideoProcessor

from falvideo.models.configuration_fal import FALConfig
from falvideo.models.modeling_fal import (
    FALModel,
    FALPreTrainedModel,
    FALVideoClassifierForVideoClassification,
)
from falvideo.models.video_processing_fal import FALVideoProcessor


def _register() -> None:
    AutoConfig.register(FALConfig.model_type, FALConfig, exist_ok=True)
    AutoModel.register(FALConfig, FALModel, exist_ok=True)
    AutoModelForVideoClassification.register(FALConfig, FALVideoClassifierForVideoClassification, exist_ok=True)
    AutoImageProcessor.register(FALConfig, image_processor_classes={"pil": FALVideoProcessor}, exist_ok=True)
    # Found by its name in this table whatever backend is asked for; it needs no torchvision.
    AutoVideoProcessor.register(FALConfig, FALVideoProcessor, exist_ok=True)
    _make_known_to_pipelines()
    for thing in (
        FALConfig,
        FALModel,
        FALPreTrainedModel,
        FALVideoClassifierForVideoClassification,
        FALVideoProcessor,
    ):
        # transformers replaces its own module while it is being imported, so the name above may be bound to the
        # one replaced: what users import from is whatever stands in sys.modules now.
        setattr(sys.modules["transformers"], thing.__name__, thing)


def _make_known_to_pipelines() -> None:
    """Pipelines check a model's class name against a table that ``register`` does not fill."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES

    MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES.setdefault(
        FALConfig.model_type, FALVideoClassifierForVideoClassification.__name__
    )


_register()

__all__ = [
    "FALConfig",
    "FALModel",
    "FALPreTrainedModel",
    "FALVideoClassifierForVideoClassification",
    "FALVideoProcessor",
]
