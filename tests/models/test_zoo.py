"""Names to ready models: ours, other people's, and what is said when there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    TimesformerConfig,
    TimesformerForVideoClassification,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VideoMAEImageProcessor,
    ViTConfig,
    ViTForImageClassification,
    VivitConfig,
    VivitForVideoClassification,
)

from falvideo import hf
from falvideo.errors import FalError, ModelConfigError, ModelError, ModelNotFoundError, UnknownDeviceError
from falvideo.models.catalogue import DEFAULT_MODEL, EMBEDDED, embedded_path
from falvideo.models.zoo import load_model, parameters_hash, resolve_device

TINY = {
    "image_size": 32,
    "num_frames": 4,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_labels": 3,
}


def save(folder: Path, model: torch.nn.Module, **processor: object) -> Path:
    model.save_pretrained(folder)
    values = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}, **processor}
    VideoMAEImageProcessor(**values).save_pretrained(folder)
    return folder


OTHERS = {
    "videomae": lambda: VideoMAEForVideoClassification(VideoMAEConfig(**TINY, patch_size=8)),
    "timesformer": lambda: TimesformerForVideoClassification(TimesformerConfig(**TINY, patch_size=8)),
    "vivit": lambda: VivitForVideoClassification(VivitConfig(**TINY, tubelet_size=[2, 8, 8])),
}


@pytest.mark.parametrize("family", OTHERS)
def test_other_peoples_models_load_and_score_as_transformers_does(family, tmp_path):
    torch.manual_seed(0)
    theirs = OTHERS[family]().eval()
    save(tmp_path, theirs, image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6])
    classifier = load_model(str(tmp_path))
    assert classifier.num_frames == 4
    assert classifier.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    assert classifier.frame_rate == {"videomae": 7.5, "timesformer": 0.9375, "vivit": 15.0}[family]
    assert classifier.decode_size(64, 96) == (32, 48)
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 32, 48, 3), dtype=np.uint8)
    pixels = [
        VideoMAEImageProcessor.from_pretrained(tmp_path)(list(f), return_tensors="np")["pixel_values"] for f in frames
    ]
    with torch.no_grad():
        want = theirs(torch.as_tensor(np.concatenate(pixels))).logits.softmax(-1).numpy()
    np.testing.assert_allclose(classifier.scores(frames), want, atol=1e-5)


def test_multi_label_models_give_independent_scores(tmp_path):
    config = VideoMAEConfig(**TINY, patch_size=8, problem_type="multi_label_classification")
    save(tmp_path, VideoMAEForVideoClassification(config))
    classifier = load_model(str(tmp_path))
    assert classifier.multi_label
    scores = classifier.scores(np.zeros((1, 4, 32, 32, 3), dtype=np.uint8))
    assert abs(scores.sum() - 1) > 1e-3


def test_the_embedded_model():
    classifier = load_model(DEFAULT_MODEL)
    assert classifier.info.id == DEFAULT_MODEL
    assert classifier.info.revision == EMBEDDED[DEFAULT_MODEL].revision
    assert len(classifier.labels) == 10
    assert classifier.decode_size(1080, 1920) == (96, 96)
    scores = classifier.scores(np.zeros((3, classifier.num_frames, 96, 96, 3), dtype=np.uint8))
    assert scores.shape == (3, 10)
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-5)


def test_the_embedded_model_is_small_safe_and_has_a_card():
    folder = embedded_path(DEFAULT_MODEL)
    files = {path.name: path for path in folder.iterdir()}
    assert sum(path.stat().st_size for path in files.values()) < 12e6
    assert {"config.json", "model.safetensors", "preprocessor_config.json", "README.md"} == set(files)
    card = files["README.md"].read_text(encoding="utf-8")
    assert "macro-F1" in card
    for label in json.loads(files["config.json"].read_text())["id2label"].values():
        assert label in card


def test_the_hash_follows_the_weights():
    model = torch.nn.Linear(3, 2)
    before = parameters_hash(model)
    assert before == parameters_hash(model)
    assert before.startswith("sha256:")
    with torch.no_grad():
        model.bias[1] += 1e-6
    assert parameters_hash(model) != before


# --------------------------------------------------------------------------------------------------- bad input


def check_message(error: FalError) -> None:
    assert "\n" not in str(error)
    assert error.remedy
    assert error.exit_code == 2


@pytest.mark.parametrize("name", ["no-such-model", "a/b/c/d", "", "..", "org/model name", "\x00"])
def test_an_unknown_name(name):
    with pytest.raises(ModelNotFoundError) as caught:
        load_model(name)
    check_message(caught.value)


def test_a_hub_id_without_a_connection(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFoundError, match="nobody/nothing") as caught:
        load_model("nobody/nothing")
    check_message(caught.value)


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "CPU", ""])
def test_an_unknown_device(name):
    with pytest.raises(UnknownDeviceError, match="cpu") as caught:
        resolve_device(name)
    check_message(caught.value)


def test_a_folder_that_is_not_a_model(tmp_path):
    with pytest.raises(ModelNotFoundError, match=r"config.json") as caught:
        load_model(str(tmp_path))
    check_message(caught.value)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelNotFoundError, match="is a file"):
        load_model(str(tmp_path / "file"))


def test_a_model_of_another_kind(tmp_path):
    config = ViTConfig(**{k: v for k, v in TINY.items() if k != "num_frames"}, patch_size=8)
    ViTForImageClassification(config).save_pretrained(tmp_path)
    with pytest.raises(ModelConfigError, match="not a video classifier") as caught:
        load_model(str(tmp_path))
    check_message(caught.value)


def test_broken_configuration_and_weights(tmp_path):
    save(tmp_path, OTHERS["videomae"]())
    good = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for name, content in (
        ("config.json", b"{"),
        ("config.json", b'{"model_type": "no-such-type"}'),
        ("model.safetensors", b"not weights"),
        ("model.safetensors", good["model.safetensors"][:1000]),
        ("preprocessor_config.json", b"["),
        ("preprocessor_config.json", b'{"size": "big"}'),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError) as caught:
            load_model(str(tmp_path))
        check_message(caught.value)
        assert str(tmp_path) in str(caught.value)
        assert "connection" not in str(caught.value)
        (tmp_path / name).write_bytes(good[name])
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(ModelConfigError, match="preprocessor_config"):
        load_model(str(tmp_path))


def test_an_empty_label(tmp_path):
    save(
        tmp_path,
        VideoMAEForVideoClassification(VideoMAEConfig(**TINY, patch_size=8, id2label={0: "a", 1: " ", 2: "c"})),
    )
    with pytest.raises(ModelConfigError, match="id2label"):
        load_model(str(tmp_path))


def test_pickled_weights_are_never_read(tmp_path):
    model = OTHERS["videomae"]()
    save(tmp_path, model)
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError) as caught:
        load_model(str(tmp_path))
    check_message(caught.value)


def test_a_checkpoint_without_a_head_is_refused(tmp_path):
    """transformers would fill the head with random numbers and go on."""
    config = hf.FALConfig(**TINY, patch_size=8)
    hf.FALModel(config).save_pretrained(tmp_path)
    hf.FALVideoProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="classifier") as caught:
        load_model(str(tmp_path))
    check_message(caught.value)
