"""A name to a ready model: what ``-m`` takes.

    camera-tiny          embedded in the package
    ./folder             anything saved with save_pretrained
    org/name[@revision]  a Hugging Face id

Any ``AutoModelForVideoClassification`` loads, ours or not. Weights are read from safetensors only and no code that
comes with a model is ever run.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging as std_logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import falvideo.hf  # noqa: F401  (registers FAL with the Auto classes)
from falvideo.errors import ModelConfigError, ModelError, ModelNotFoundError, UnknownDeviceError
from falvideo.models.catalogue import EMBEDDED, embedded_path
from falvideo.models.preprocessing import Preprocessing
from falvideo.records import FloatArray, ModelInfo, UInt8Array

# Frames a second that published families were trained at (frames x stride at 30 a second), for checkpoints whose
# configuration does not say: VideoMAE 16 x 4, TimeSformer 8 x 32, ViViT 32 x 2.
FAMILY_RATES: dict[str, float] = {"videomae": 7.5, "timesformer": 0.9375, "vivit": 15.0}
DEFAULT_RATE = 4.0

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
_PREPROCESSORS = ("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json")


@dataclass(frozen=True)
class VideoClassifier:
    """A model ready to score windows of frames.

    Attributes:
        info: which model it is.
        labels: K names, in the order of the scores.
        num_frames: T, frames in a window.
        frame_rate: frames per second to sample at.
        multi_label: whether scores are independent (sigmoid) or one distribution (softmax).
        preprocessing: what happens to frames.
        device: where the model is.
    """

    info: ModelInfo
    labels: tuple[str, ...]
    num_frames: int
    frame_rate: float
    multi_label: bool
    preprocessing: Preprocessing
    device: torch.device
    model: Any
    input_name: str

    def decode_size(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) that the reader should resize frames of a video to."""
        return self.preprocessing.resized(height, width)

    def scores(self, frames: UInt8Array) -> FloatArray:
        """Probabilities of windows.

        Args:
            frames: RGB of the size that :meth:`decode_size` gave, ``(M, T, H, W, 3)`` uint8.

        Returns:
            ``(M, K)`` float32.
        """
        with torch.inference_mode():
            pixels = self.preprocessing.pixels(torch.from_numpy(np.ascontiguousarray(frames)).to(self.device))
            logits: Tensor = self.model(**{self.input_name: pixels.to(self.model.dtype)}).logits.float()
            probabilities = logits.sigmoid() if self.multi_label else logits.softmax(dim=-1)
        result: FloatArray = probabilities.cpu().numpy()
        return result


def resolve_device(name: str = "auto") -> torch.device:
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``: a device that is really there.

    Raises:
        UnknownDeviceError: saying which devices there are.
    """
    here = ["cpu"]
    if torch.cuda.is_available():
        here += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        here.append("mps")
    if name == "auto":
        return torch.device("cuda" if "cuda" in here else "mps" if "mps" in here else "cpu")
    if name not in here:
        raise UnknownDeviceError(f"device {name!r} is not available here", remedy=f"use one of auto, {', '.join(here)}")
    return torch.device(name)


def load_model(name: str, *, device: str = "auto") -> VideoClassifier:
    """Load what ``name`` stands for.

    Args:
        name: an embedded model's name, a folder, or a Hugging Face id with an optional ``@revision``.
        device: see :func:`resolve_device`.

    Raises:
        ModelNotFoundError: nothing under that name.
        ModelConfigError: it is there, but its configuration is not that of a usable video classifier.
        ModelError: it is there, but cannot be loaded.
        UnknownDeviceError: no such device.
    """
    place = resolve_device(device)
    folder, revision = _locate(name)
    # transformers draws progress bars and prints a loading report; a user of the command wants neither.
    config, model = _load(name, folder, revision)
    labels = tuple(str(config.id2label[i]) for i in range(config.num_labels))
    if not all(label.strip() for label in labels):
        raise ModelConfigError(f"model {name}: a label in its config.json (id2label) is empty", remedy="name it")
    num_frames = getattr(config, "num_frames", None) or getattr(config, "frames_per_clip", None)
    if not isinstance(num_frames, int) or num_frames < 1:
        raise ModelConfigError(f"model {name}: its config.json has no num_frames", remedy="use a video classifier")
    rate = getattr(config, "frame_rate", None) or FAMILY_RATES.get(config.model_type, DEFAULT_RATE)
    return VideoClassifier(
        info=ModelInfo(name.split("@", maxsplit=1)[0], _revision(name, config, revision), parameters_hash(model)),
        labels=labels,
        num_frames=num_frames,
        frame_rate=float(rate),
        multi_label=config.problem_type == "multi_label_classification",
        preprocessing=_preprocessing(name, folder, revision),
        device=place,
        model=model.eval().to(place),
        input_name=_input_name(model),
    )


def _locate(name: str) -> tuple[str, str | None]:
    """Where transformers should load from, and the revision."""
    if not name.strip():
        raise ModelNotFoundError("the name of the model is empty")
    if name in EMBEDDED:
        return str(embedded_path(name)), None
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelNotFoundError(
                f"folder {name} is not a saved model (it has no config.json)",
                remedy="give a folder written by save_pretrained",
            )
        return str(path), None
    if path.exists():
        raise ModelNotFoundError(f"{name} is a file, not a model folder", remedy="give the folder it is in")
    if not _HUB_ID.fullmatch(name):
        raise ModelNotFoundError(
            f"no model {name!r}: not embedded ({', '.join(EMBEDDED)}), not a folder, not a Hugging Face id (org/name)"
        )
    hub_id, _, revision = name.partition("@")
    return hub_id, revision or None


def _load(name: str, folder: str, revision: str | None) -> tuple[Any, Any]:
    from huggingface_hub.utils import logging as hub_logging
    from transformers import AutoConfig, AutoModelForVideoClassification
    from transformers.utils import logging

    # transformers draws progress bars and prints loading reports on the user's terminal.
    verbosity, hub_verbosity = logging.get_verbosity(), hub_logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    hub_logging.set_verbosity(std_logging.ERROR)  # without a connection it prints a line for each of its retries
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(folder, revision=revision)
        model, report = AutoModelForVideoClassification.from_pretrained(
            folder, config=config, revision=revision, use_safetensors=True, output_loading_info=True
        )
    except ModelError as error:
        raise type(error)(f"model {name}: {error.message}", remedy=error.remedy) from error
    except Exception as error:
        raise _explain(name, error) from error
    finally:
        logging.set_verbosity(verbosity)
        hub_logging.set_verbosity(hub_verbosity)
        if bars:
            logging.enable_progress_bar()
    missing = sorted(report["missing_keys"])
    if missing:
        # transformers fills these with random numbers and goes on: labels would be noise.
        raise ModelError(
            f"model {name}: its weights lack {len(missing)} tensors ({', '.join(missing[:3])}, ...)",
            remedy="use a checkpoint fine-tuned for video classification",
        )
    return config, model


def _explain(name: str, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())
    first = reason.split(". ")[0][:200]
    if Path(name).expanduser().is_dir():
        if "Unrecognized configuration class" in reason:
            return _not_a_classifier(name)
        return ModelError(
            f"model {name}: it cannot be loaded ({first})",
            remedy="its config.json and model.safetensors must be whole and fit each other",
        )
    if isinstance(error, OSError) and "safetensors" not in reason:
        return ModelNotFoundError(
            f"model {name!r} could not be found or downloaded ({first})",
            remedy="check the name and the connection, or give a local folder; `falvideo models` lists what -m takes",
        )
    if "Unrecognized configuration class" in reason or "does not recognize this architecture" in reason:
        return _not_a_classifier(name)
    return ModelError(f"model {name!r} could not be loaded ({first})", remedy="weights must be safetensors")


def _not_a_classifier(name: str) -> ModelConfigError:
    return ModelConfigError(
        f"model {name!r} is not a video classifier", remedy="give one that AutoModelForVideoClassification loads"
    )


def _revision(name: str, config: Any, revision: str | None) -> str | None:
    if name in EMBEDDED:
        return EMBEDDED[name].revision
    return getattr(config, "_commit_hash", None) or revision


def _preprocessing(name: str, folder: str, revision: str | None) -> Preprocessing:
    """The values in the model's own preprocessor configuration."""
    for filename in _PREPROCESSORS:
        path = Path(folder) / filename
        if not path.is_file() and not Path(folder).is_dir():
            path = _download(folder, filename, revision)
        if path.is_file():
            try:
                values = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ModelConfigError(f"model {name}: {filename} is not JSON", remedy=str(error)) from error
            values = values.get("video_processor") or values.get("image_processor") or values
            return Preprocessing.from_dict(values, f"model {name}: {filename}")
    raise ModelConfigError(
        f"model {name} has no {_PREPROCESSORS[0]}", remedy="save its processor beside it with save_pretrained"
    )


def _download(hub_id: str, filename: str, revision: str | None) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(hub_id, filename, revision=revision))
    except (EntryNotFoundError, LocalEntryNotFoundError):
        return Path(filename + ".absent")


def _input_name(model: Any) -> str:
    names = inspect.signature(model.forward).parameters
    return next((n for n in ("pixel_values", "pixel_values_videos") if n in names), model.main_input_name)


def parameters_hash(model: torch.nn.Module) -> str:
    """``"sha256:..."`` over the names, types, shapes and bytes of all weights, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return "sha256:" + digest.hexdigest()
