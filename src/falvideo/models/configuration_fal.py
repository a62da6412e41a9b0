"""The configuration of a FAL model: an ordinary Hugging Face config with one field of its own kind,
``attention_scheme``.

Knows nothing of torch modules: whatever can be wrong with the numbers alone is refused here, by name.
"""

from __future__ import annotations

from typing import Any

from transformers.configuration_utils import PreTrainedConfig

from falvideo.errors import ModelConfigError

ATTENTION_SCHEMES: tuple[str, ...] = ("divided",)
"""Names that ``attention_scheme`` takes; ``models.attention.SCHEMES`` has one row for each."""

POOLINGS: tuple[str, ...] = ("cls", "mean")


def _pair(value: int | list[int] | tuple[int, int], name: str) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or any(not isinstance(v, int) or v < 1 for v in pair):
        raise ModelConfigError(f"{name}={value!r} is not a size", remedy="give a positive integer, or [height, width]")
    return pair[0], pair[1]


class FALConfig(PreTrainedConfig):  # type: ignore[misc]
    """Configuration of :class:`FALModel` and :class:`FALVideoClassifierForVideoClassification`.

    The defaults are the base size of "Is Space-Time Attention All You Need for Video Understanding?"
    (Bertasius, Wang, Torresani, ICML 2021): ViT-B/16 on 8 frames of 224 pixels, divided attention.

    Args:
        image_size: frame height and width in pixels, one integer or ``[height, width]``.
        patch_size: patch height and width in pixels, one integer or ``[height, width]``.
        num_channels: of a frame; 3 for RGB.
        num_frames: frames in a clip.
        hidden_size: width D of a token; a multiple of ``num_attention_heads``.
        num_hidden_layers: blocks.
        num_attention_heads: heads of every attention step.
        intermediate_size: hidden width of a block's MLP.
        hidden_act: activation of the MLPs, a name ``transformers`` knows.
        hidden_dropout_prob: dropout after the embeddings, attention outputs and MLPs, in [0, 1).
        attention_probs_dropout_prob: dropout of the attention weights, in [0, 1).
        drop_path_rate: stochastic depth of the last block, rising linearly from 0 at the first, in [0, 1).
        initializer_range: standard deviation of the truncated normal that initialises weights.
        layer_norm_eps: epsilon of every layer norm.
        qkv_bias: whether queries, keys and values have a bias.
        attention_scheme: which patches attend together; one of ``ATTENTION_SCHEMES``.
        frame_difference: give the patch embedding, beside each frame, its difference from the frame before
            (zero for the first) as extra channels. Makes motion linearly visible to a small model.
        patch_standardisation: before the patch embedding, take each patch's mean off its frame channels and divide
            all its channels by the standard deviation of the frame channels. Motion is the ratio of the frame
            difference to the gradient; this makes it independent of light and contrast.
        pooling: what the head reads: the class token (``"cls"``) or the mean of all patch tokens (``"mean"``).
        classifier_hidden_size: hidden width of the head's one-hidden-layer MLP; ``None`` for ``hidden_size``,
            0 for a plain linear head (published weights have one).
        frame_rate: frames per second of video that the clips were sampled at in training; ``None`` when not known.

    Raises:
        ModelConfigError: naming the field and what would be right.
    """

    model_type = "fal"

    image_size: int | list[int] | tuple[int, int] = 224
    patch_size: int | list[int] | tuple[int, int] = 16
    num_channels: int = 3
    num_frames: int = 8
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float | int = 0.0
    attention_probs_dropout_prob: float | int = 0.0
    drop_path_rate: float | int = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-6
    qkv_bias: bool = True
    attention_scheme: str = "divided"
    frame_difference: bool = False
    patch_standardisation: bool = False
    pooling: str = "cls"
    classifier_hidden_size: int | None = None
    frame_rate: float | int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        """Refuse what cannot work, by field name, before any weight is made."""
        super().__post_init__(**kwargs)
        self._check_counts()
        height, width = self.image_hw
        rows, columns = self.patch_hw
        if height % rows or width % columns:
            raise ModelConfigError(
                f"image_size={self.image_size} is not divisible by patch_size={self.patch_size}",
                remedy=f"use e.g. image_size=[{max(1, height // rows) * rows}, {max(1, width // columns) * columns}]",
            )
        self._check_choice("attention_scheme", self.attention_scheme, ATTENTION_SCHEMES)
        self._check_choice("pooling", self.pooling, POOLINGS)

    def _check_counts(self) -> None:
        for name in (
            "num_channels",
            "num_frames",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ModelConfigError(f"{name}={value!r}", remedy="give a positive integer")
        if self.hidden_size % self.num_attention_heads:
            raise ModelConfigError(
                f"hidden_size={self.hidden_size} is not divisible by num_attention_heads={self.num_attention_heads}",
                remedy=f"use e.g. hidden_size={self.hidden_size + -self.hidden_size % self.num_attention_heads}",
            )
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "drop_path_rate"):
            value = getattr(self, name)
            if not 0.0 <= value < 1.0:
                raise ModelConfigError(f"{name}={value!r}", remedy="give a number in [0, 1)")
        if self.classifier_hidden_size is not None and self.classifier_hidden_size < 0:
            raise ModelConfigError(
                f"classifier_hidden_size={self.classifier_hidden_size}",
                remedy="give a width, 0 for a linear head, or None for hidden_size",
            )
        if self.frame_rate is not None and not self.frame_rate > 0:
            raise ModelConfigError(f"frame_rate={self.frame_rate}", remedy="give frames per second, or None")

    @staticmethod
    def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
        if value not in known:
            raise ModelConfigError(f"{name}={value!r} is not known", remedy=f"use one of {', '.join(known)}")

    @property
    def image_hw(self) -> tuple[int, int]:
        """Frame height and width, pixels."""
        return _pair(self.image_size, "image_size")

    @property
    def patch_hw(self) -> tuple[int, int]:
        """Patch height and width, pixels."""
        return _pair(self.patch_size, "patch_size")

    @property
    def grid_hw(self) -> tuple[int, int]:
        """Patch rows and columns of a frame of ``image_size``."""
        return self.image_hw[0] // self.patch_hw[0], self.image_hw[1] // self.patch_hw[1]


__all__ = ["ATTENTION_SCHEMES", "POOLINGS", "FALConfig"]
