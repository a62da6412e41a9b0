"""The model: exact against an independent dense oracle, ordinary to transformers, and without convolutions."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import Tensor

import falvideo.hf as fal
from falvideo.errors import ModelConfigError
from falvideo.models.attention import FUSED_FROM, SCHEMES, attend
from falvideo.models.configuration_fal import ATTENTION_SCHEMES
from falvideo.models.modeling_fal import FALLayer

SMALL = {
    "image_size": 32,
    "patch_size": 8,
    "num_frames": 4,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "num_labels": 5,
}


def make(seed: int = 0, **overrides: object) -> fal.FALVideoClassifierForVideoClassification:
    """A small model in which no weight is zero, so that nothing is tested by absence."""
    torch.manual_seed(seed)
    model = fal.FALVideoClassifierForVideoClassification(fal.FALConfig(**{**SMALL, **overrides}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.double().eval()


def clip(B: int = 2, T: int = 4, H: int = 32, W: int = 32, C: int = 3) -> Tensor:
    return torch.randn(B, T, C, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


# ------------------------------------------------------------------------------------------------ the oracle


def dense_attention(step: torch.nn.Module, tokens: Tensor, allowed: Tensor) -> Tensor:
    """Attention of all tokens over all tokens with an explicit mask (S, S), head by head in plain loops."""
    attention = step.attention
    q, k, v = attention.qkv(step.norm(tokens)).chunk(3, dim=-1)
    d = q.shape[-1] // attention.heads
    heads = []
    for h in range(attention.heads):
        part = slice(h * d, (h + 1) * d)
        scores = q[:, :, part] @ k[:, :, part].transpose(1, 2) / math.sqrt(d)
        heads.append(scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v[:, :, part])
    return attention.projection(torch.cat(heads, -1))


def divided_by_definition(layer: FALLayer, cls: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
    """One divided block from equations 11 to 13 with dense masks: patches (B, T, H, W, D)."""
    B, T, H, W, D = patches.shape
    x = patches.reshape(B, T * H * W, D)
    frame = torch.arange(T).repeat_interleave(H * W)
    place = torch.arange(H * W).repeat(T)
    time = layer.steps["time"]
    x = x + time.output(dense_attention(time, x, place[:, None] == place[None]))
    # One copy of the class token a frame, seen by, and seeing, that frame only.
    space = layer.steps["space"]
    tokens = torch.cat([cls.expand(B, T, D), x], 1)
    group = torch.cat([torch.arange(T), frame])
    update = dense_attention(space, tokens, group[:, None] == group[None])
    cls = cls + update[:, :T].mean(1, keepdim=True)
    x = x + update[:, T:]
    return cls + layer._mlp(cls), (x + layer._mlp(x)).view(B, T, H, W, D)


@pytest.mark.parametrize(("T", "H", "W"), [(4, 4, 4), (1, 3, 5), (5, 1, 2), (3, 7, 3)])
def test_divided_equals_dense_masked_attention(T, H, W):
    model = make()
    generator = torch.Generator().manual_seed(2)
    cls = torch.randn(2, 1, 24, dtype=torch.float64, generator=generator)
    patches = torch.randn(2, T, H, W, 24, dtype=torch.float64, generator=generator)
    for layer in model.fal.layers:
        got_cls, got, _ = layer(cls, patches)
        want_cls, want = divided_by_definition(layer, cls, patches)
        torch.testing.assert_close(got_cls, want_cls, rtol=0, atol=1e-12)
        torch.testing.assert_close(got, want, rtol=0, atol=1e-12)


def test_every_scheme_has_a_row():
    assert tuple(SCHEMES) == ATTENTION_SCHEMES


@pytest.mark.parametrize("length", [3, FUSED_FROM])
def test_both_attention_kernels_agree(length):
    q, k, v = torch.randn(3, 2, 2, length, 8, dtype=torch.float64).unbind(0)
    out, weights = attend(q, k, v)
    torch.testing.assert_close(out, weights() @ v, rtol=0, atol=1e-12)
    torch.testing.assert_close(weights().sum(-1), torch.ones(2, 2, length, dtype=torch.float64))


# ---------------------------------------------------------------------------------------------- properties


def test_divided_with_a_silent_temporal_step_labels_each_frame_alone():
    model = make(pooling="mean")
    with torch.no_grad():
        for layer in model.fal.layers:
            layer.steps["time"].output.weight.zero_()
            layer.steps["time"].output.bias.zero_()
        model.fal.embeddings.time_embeddings.zero_()
    x = clip()
    shuffled = x[:, [2, 0, 3, 1]]
    torch.testing.assert_close(model(x).logits, model(shuffled).logits)


def test_divided_sees_the_order_of_frames():
    model = make()
    x = clip()
    assert not torch.allclose(model(x).logits, model(x.flip(1)).logits)


def test_a_new_model_begins_as_an_image_model():
    torch.manual_seed(0)
    model = fal.FALVideoClassifierForVideoClassification(fal.FALConfig(**SMALL))
    for layer in model.fal.layers:
        assert not layer.steps["time"].output.weight.any()
        assert layer.steps["space"].attention.qkv.weight.std().item() == pytest.approx(0.02, rel=0.2)
    assert not model.fal.embeddings.time_embeddings.any()
    assert model.fal.embeddings.position_embeddings.any()


def test_the_patch_embedding_is_what_it_says():
    """Against the definition, patch by patch; with the frame difference as extra channels."""
    model = make(frame_difference=True)
    embedding = model.fal.embeddings
    x = clip()
    _, got = embedding(x)
    for t, h, w in ((0, 0, 0), (2, 1, 3), (3, 3, 2)):
        rows, columns = slice(h * 8, h * 8 + 8), slice(w * 8, w * 8 + 8)
        now = x[:, t, :, rows, columns]
        before = x[:, max(t - 1, 0), :, rows, columns]
        flat = torch.cat([now, now - before], 1).flatten(1)
        want = embedding.projection(flat) + embedding.position_embeddings[:, 1 + h * 4 + w]
        torch.testing.assert_close(got[:, t, h, w], want + embedding.time_embeddings[:, t])


def test_patch_standardisation_forgets_light_and_contrast():
    model = make(frame_difference=True, patch_standardisation=True)
    x = clip() * 50  # far above the constant that spares noise
    torch.testing.assert_close(model(x).logits, model(x * 3 + 7).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("T", "H", "W"), [(1, 32, 32), (9, 32, 32), (4, 48, 16), (6, 8, 64)])
def test_other_frame_counts_and_sizes(T, H, W):
    assert make()(clip(1, T, H, W)).logits.shape == (1, 5)


def test_position_embeddings_are_resized_as_a_grid():
    """A ramp along x must stay a ramp along x: a flat resize scrambles rows."""
    model = make()
    embedding = model.fal.embeddings
    with torch.no_grad():
        ramp = torch.arange(4.0, dtype=torch.float64).repeat(4)[None, :, None]
        embedding.position_embeddings[:, 1:] = ramp
    grid = embedding._place(8, 8)[0, 0, :, :, 0]
    torch.testing.assert_close(grid, grid[:1].expand(8, -1), rtol=0, atol=1e-5)
    assert (grid[0].diff() > -0.2).all()
    assert grid[0, -1] > 2.5
    assert grid[0, 0] < 0.5


# ------------------------------------------------------------------------------------- no convolution anywhere


@pytest.mark.parametrize("size", [32, 48])
def test_no_convolution_operator_runs(size):
    model = make(frame_difference=True, patch_standardisation=True).float()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        model(clip(H=size, W=size).float()).logits.sum().backward()
    names = {event.key for event in profile.key_averages()}
    assert any("mm" in name for name in names), "the profiler saw nothing"
    assert not [name for name in names if "conv" in name.lower()]
    assert not [m for m in model.modules() if "Conv" in type(m).__name__]


# ------------------------------------------------------------------------------------------ as transformers has it


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a small model and its processor."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(3)
    config = fal.FALConfig(**SMALL, id2label={i: f"label {i}" for i in range(5)})
    fal.FALVideoClassifierForVideoClassification(config).save_pretrained(folder)
    fal.FALVideoProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("before", ["import falvideo.hf", "import transformers, falvideo.hf"])
def test_the_snippet_users_know(saved, before):
    """In a fresh process: only ``import falvideo.hf`` before it."""
    snippet = f"""
        {before}
        from transformers import AutoImageProcessor, FALVideoClassifierForVideoClassification
        import numpy as np
        import torch

        video = list(np.random.randn(8, 3, 224, 224))
        processor = AutoImageProcessor.from_pretrained({str(saved)!r})
        model = FALVideoClassifierForVideoClassification.from_pretrained({str(saved)!r})
        inputs = processor(video, return_tensors="pt")
        with torch.no_grad():
            outputs = model(**inputs)
            logits = outputs.logits
        predicted_class_idx = logits.argmax(-1).item()
        print("Predicted class:", model.config.id2label[predicted_class_idx])
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(snippet)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("Predicted class: label ")


def test_auto_classes_give_the_same_logits(saved):
    from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForVideoClassification

    ours = fal.FALVideoClassifierForVideoClassification.from_pretrained(saved)
    auto = AutoModelForVideoClassification.from_pretrained(saved)
    assert type(auto) is type(ours)
    assert type(AutoConfig.from_pretrained(saved)) is fal.FALConfig
    assert isinstance(AutoModel.from_pretrained(saved), fal.FALModel)
    frames = [np.random.default_rng(i).integers(0, 255, (40, 50, 3), dtype=np.uint8) for i in range(4)]
    inputs = AutoImageProcessor.from_pretrained(saved)(frames, return_tensors="pt")
    assert inputs["pixel_values"].shape == (1, 4, 3, 32, 32)
    torch.testing.assert_close(auto(**inputs).logits, ours(**inputs).logits)


def test_the_pipeline_labels_a_file(saved, tmp_path):
    from tests.media import make_video
    from transformers import pipeline

    path = make_video(tmp_path / "clip.mp4", frames=12)
    answers = pipeline("video-classification", model=str(saved))(str(path), top_k=2)
    assert len(answers) == 2
    assert answers[0]["label"].startswith("label ")
    assert 0 <= answers[1]["score"] <= answers[0]["score"] <= 1


def test_the_processor_reads_the_middle_of_a_file(saved, tmp_path):
    from tests.media import make_video, read_number
    from transformers.models.auto.video_processing_auto import AutoVideoProcessor

    path = make_video(tmp_path / "clip.mp4", frames=60, rate=30)
    processor = AutoVideoProcessor.from_pretrained(saved)
    assert isinstance(processor, fal.FALVideoProcessor)
    raw = {"do_resize": False, "do_rescale": False, "do_normalize": False}
    for rate, want in ((10, [24, 27, 30, 33]), (None, [0, 15, 30, 45]), (1, [0, 15, 30, 45])):
        clips = processor(str(path), num_frames=4, frame_rate=rate, **raw)["pixel_values"]
        assert [read_number(np.moveaxis(f, 0, -1).astype(np.uint8)) for f in clips[0]] == want


def test_loss_and_training_step(saved):
    model = fal.FALVideoClassifierForVideoClassification.from_pretrained(saved)
    model.gradient_checkpointing_enable()
    model.train()
    x = clip().float()
    output = model(x, labels=torch.tensor([1, 4]))
    torch.testing.assert_close(output.loss, torch.nn.functional.cross_entropy(output.logits, torch.tensor([1, 4])))
    output.loss.backward()
    assert all(p.grad is not None for p in model.fal.layers.parameters())


def test_trainer_takes_a_step_and_resumes_from_its_folder(tmp_path):
    from transformers import Trainer, TrainingArguments

    torch.manual_seed(0)
    model = fal.FALVideoClassifierForVideoClassification(fal.FALConfig(**SMALL))
    before = model.classifier.out.weight.detach().clone()
    data = [{"pixel_values": clip(1)[0].float(), "labels": i % 5} for i in range(4)]
    arguments = TrainingArguments(tmp_path, max_steps=2, per_device_train_batch_size=2, report_to=[], use_cpu=True)
    Trainer(model, arguments, train_dataset=data).train()
    assert not torch.equal(before, model.classifier.out.weight)
    again = fal.FALVideoClassifierForVideoClassification.from_pretrained(tmp_path / "checkpoint-2")
    torch.testing.assert_close(again.classifier.out.weight, model.classifier.out.weight)


def test_hidden_states_attentions_and_tuples():
    model = make()
    output = model(clip(), output_hidden_states=True, output_attentions=True)
    assert [tuple(h.shape) for h in output.hidden_states] == [(2, 65, 24)] * 3
    assert [tuple(a.shape) for a in output.attentions] == [(32, 3, 4, 4), (8, 3, 17, 17)] * 2
    logits, *_ = model(clip(), return_dict=False)
    torch.testing.assert_close(logits, output.logits)


def test_multi_label_loss():
    model = make(problem_type="multi_label_classification")
    targets = torch.eye(5, dtype=torch.float64)[:2]
    output = model(clip(), labels=targets)
    want = torch.nn.functional.binary_cross_entropy_with_logits(output.logits, targets)
    torch.testing.assert_close(output.loss, want)


# --------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", 25),
        ("hidden_size", 0),
        ("image_size", 30),
        ("image_size", [32, 30]),
        ("image_size", [32]),
        ("patch_size", 7),
        ("num_frames", 0),
        ("num_channels", -1),
        ("attention_scheme", "sideways"),
        ("pooling", "max"),
        ("drop_path_rate", 1.0),
        ("hidden_dropout_prob", -0.1),
        ("classifier_hidden_size", -3),
        ("frame_rate", 0),
    ],
)
def test_a_wrong_field_is_named(field, value):
    with pytest.raises(ModelConfigError, match=field) as caught:
        fal.FALConfig(**{**SMALL, field: value})
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ((4, 3, 32, 32), "batch, frames, channels"),
        ((1, 4, 1, 32, 32), "num_channels=3"),
        ((1, 0, 3, 32, 32), "no frame"),
        ((1, 4, 3, 30, 32), "patch_size"),
        ((1, 4, 3, 4, 4), "patch_size"),
    ],
)
def test_a_wrong_input_shape_is_named(shape, says):
    with pytest.raises(ModelConfigError, match=says):
        make()(torch.zeros(shape, dtype=torch.float64))


def test_labels_of_the_wrong_shape():
    with pytest.raises(ModelConfigError, match="labels"):
        make()(clip(), labels=torch.tensor([1, 2, 3]))
