"""FAL: a video transformer without convolutions, as ordinary Hugging Face classes.

Letters: B batch, T frames, C channels, H W patch rows and columns, N = H*W, P Q patch height and width in pixels,
D width, K labels.

    pixel_values (B, T, C, H*P, W*Q)
      -> PatchEmbedding    one linear layer for each P x Q patch, plus where (H, W) and when (T) it stands
      -> FALLayer x L      the steps of the attention scheme, then an MLP, each with a residual
      -> head              a one-hidden-layer MLP on the class token or the mean patch -> logits (B, K)

After "Is Space-Time Attention All You Need for Video Understanding?" (Bertasius, Wang, Torresani, ICML 2021),
written from the paper. Which patches attend together is not known here: see ``attention.py``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import initialization as init
from transformers.activations import ACT2FN
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPooling, ImageClassifierOutput
from transformers.modeling_utils import PreTrainedModel

from falvideo.errors import ModelConfigError
from falvideo.models.attention import SCHEMES, AttentionStep, ZeroLinear
from falvideo.models.configuration_fal import FALConfig


class PatchEmbedding(nn.Module):
    """Frames cut into patches, each patch through one linear layer, plus place and time (eq. 1)."""

    def __init__(self, config: FALConfig) -> None:
        super().__init__()
        self.config = config
        rows, columns = config.patch_hw
        channels = config.num_channels * (2 if config.frame_difference else 1)
        self.projection = nn.Linear(channels * rows * columns, config.hidden_size)
        grid_h, grid_w = config.grid_hw
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.hidden_size))
        self.position_embeddings = nn.Parameter(torch.zeros(1, 1 + grid_h * grid_w, config.hidden_size))
        self.time_embeddings = nn.Parameter(torch.zeros(1, config.num_frames, config.hidden_size))
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, T, C, H*P, W*Q)`` pixels to the class token ``(B, 1, D)`` and patches ``(B, T, H, W, D)``."""
        self._check(pixel_values)
        if self.config.frame_difference:
            before = torch.cat([pixel_values[:, :1], pixel_values[:, :-1]], dim=1)
            pixel_values = torch.cat([pixel_values, pixel_values - before], dim=2)
        B, T, C, height, width = pixel_values.shape
        P, Q = self.config.patch_hw
        H, W = height // P, width // Q
        patches = pixel_values.reshape(B, T, C, H, P, W, Q).permute(0, 1, 3, 5, 2, 4, 6)
        if self.config.patch_standardisation:
            patches = self._standardise(patches)
        x_BTHWD = self.projection(patches.reshape(B, T, H, W, C * P * Q))
        x_BTHWD = x_BTHWD + self._place(H, W) + self._time(T)
        cls_B1D = (self.cls_token + self.position_embeddings[:, :1]).expand(B, -1, -1)
        return self.dropout(cls_B1D), self.dropout(x_BTHWD)

    def _standardise(self, patches: Tensor) -> Tensor:
        """``(B, T, H, W, C, P, Q)``: patches without their brightness, in units of their own contrast."""
        frame = patches[..., : self.config.num_channels, :, :]
        frame = frame - frame.mean(dim=(-1, -2), keepdim=True)
        # The constant keeps sensor noise on plain surfaces from being blown up to full contrast.
        contrast = torch.rsqrt(frame.square().mean(dim=(-1, -2, -3), keepdim=True) + 0.01)
        difference = patches[..., self.config.num_channels :, :, :]
        return torch.cat([frame, difference], dim=-3) * contrast

    def _check(self, pixel_values: Tensor) -> None:
        config = self.config
        shape = tuple(pixel_values.shape)
        if pixel_values.ndim != 5:
            raise ModelConfigError(
                f"pixel_values has shape {shape}",
                remedy="give (batch, frames, channels, height, width), as the processor makes it",
            )
        if shape[2] != config.num_channels:
            raise ModelConfigError(
                f"pixel_values has {shape[2]} channels, the model has num_channels={config.num_channels}",
                remedy="give (batch, frames, channels, height, width)",
            )
        if shape[1] < 1:
            raise ModelConfigError("pixel_values has no frame", remedy="give at least one frame a clip")
        P, Q = config.patch_hw
        if shape[3] < P or shape[4] < Q or shape[3] % P or shape[4] % Q:
            raise ModelConfigError(
                f"frames of {shape[3]}x{shape[4]} pixels do not divide into patch_size={config.patch_size}",
                remedy=f"resize them, e.g. to {max(1, shape[3] // P) * P}x{max(1, shape[4] // Q) * Q}",
            )

    def _place(self, H: int, W: int) -> Tensor:
        """Position embeddings ``(1, 1, H, W, D)``, resized as a 2-D grid when the frames have another size."""
        grid_h, grid_w = self.config.grid_hw
        grid = self.position_embeddings[:, 1:].view(1, grid_h, grid_w, -1)
        if (grid_h, grid_w) != (H, W):
            planes = grid.permute(0, 3, 1, 2).float()
            planes = F.interpolate(planes, size=(H, W), mode="bicubic", align_corners=False)
            grid = planes.permute(0, 2, 3, 1).to(grid.dtype)
        return grid[:, None]

    def _time(self, T: int) -> Tensor:
        """Time embeddings ``(1, T, 1, 1, D)``, resized linearly when the clip has another number of frames."""
        time: Tensor = self.time_embeddings
        if time.shape[1] != T:
            line = time.transpose(1, 2).float()
            line = F.interpolate(line, size=T, mode="linear", align_corners=False)
            time = line.transpose(1, 2).to(time.dtype)
        return time[:, :, None, None]


class DropPath(nn.Module):
    """Stochastic depth: drop a whole residual branch of a sample (Huang et al., 2016)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor, keep: Tensor | None) -> Tensor:
        """``x`` (B, ...) times ``keep`` (B,), which is None in evaluation."""
        return x if keep is None else x * keep.view(-1, *[1] * (x.ndim - 1)).to(x.dtype)

    def draw(self, x: Tensor) -> Tensor | None:
        """One keep factor a sample, scaled so that the expectation does not change."""
        if not self.training or self.rate == 0.0:
            return None
        kept = 1.0 - self.rate
        return torch.bernoulli(torch.full((x.shape[0],), kept, device=x.device)) / kept


class FALLayer(GradientCheckpointingLayer):  # type: ignore[misc]
    """One block: each attention step of the scheme, then the MLP; pre-norm, a residual after each (eqs. 8, 9)."""

    def __init__(self, config: FALConfig, drop_path: float = 0.0) -> None:
        super().__init__()
        steps = SCHEMES[config.attention_scheme]
        self.steps = nn.ModuleDict({step.name: AttentionStep(config, step) for step in steps})
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.expand = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = ACT2FN[config.hidden_act]
        self.contract = nn.Linear(config.intermediate_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.drop_path = DropPath(drop_path)

    def forward(
        self, cls_B1D: Tensor, x_BTHWD: Tensor, output_attentions: bool = False
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Tokens through the block; attention weights of each step when asked for."""
        maps: list[Tensor] = []
        for step in self.steps.values():
            cls_update, x_update, weights = step(cls_B1D, x_BTHWD)
            keep = self.drop_path.draw(cls_B1D)
            cls_B1D = cls_B1D + self.drop_path(cls_update, keep)
            x_BTHWD = x_BTHWD + self.drop_path(x_update, keep)
            if output_attentions:
                maps.append(weights())
        keep = self.drop_path.draw(cls_B1D)
        cls_B1D = cls_B1D + self.drop_path(self._mlp(cls_B1D), keep)
        x_BTHWD = x_BTHWD + self.drop_path(self._mlp(x_BTHWD), keep)
        return cls_B1D, x_BTHWD, tuple(maps)

    def _mlp(self, x: Tensor) -> Tensor:
        out: Tensor = self.dropout(self.contract(self.activation(self.expand(self.norm(x)))))
        return out


class FALPreTrainedModel(PreTrainedModel):  # type: ignore[misc]
    """Initialisation, and what transformers asks of every model."""

    config_class = FALConfig
    base_model_prefix = "fal"
    main_input_name = "pixel_values"
    input_modalities = ("video",)
    supports_gradient_checkpointing = True
    _no_split_modules = ["FALLayer", "PatchEmbedding"]  # noqa: RUF012 (transformers reads a list)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        std = self.config.initializer_range
        if isinstance(module, ZeroLinear):
            init.zeros_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            init.trunc_normal_(module.weight, std=std)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, PatchEmbedding):
            init.trunc_normal_(module.cls_token, std=std)
            init.trunc_normal_(module.position_embeddings, std=std)
            init.zeros_(module.time_embeddings)


class FALModel(FALPreTrainedModel):
    """The transformer without its head."""

    def __init__(self, config: FALConfig) -> None:
        super().__init__(config)
        depth = config.num_hidden_layers
        self.embeddings = PatchEmbedding(config)
        rates = [float(config.drop_path_rate) * i / max(1, depth - 1) for i in range(depth)]
        self.layers = nn.ModuleList([FALLayer(config, rate) for rate in rates])
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The patch embedding."""
        return self.embeddings

    def forward(
        self,
        pixel_values: Tensor,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **_: Any,
    ) -> BaseModelOutputWithPooling | tuple[Any, ...]:
        """Encode clips.

        Args:
            pixel_values: ``(B, T, C, H*P, W*Q)`` float, as the processor makes it.
            output_attentions: also give each block's attention weights, step after step:
                divided: time ``(B*H*W, heads, T, T)``, then space ``(B*T, heads, 1+N, 1+N)``.
            output_hidden_states: also give the tokens before the first and after every block.
            return_dict: a tuple instead when false.

        Returns:
            ``last_hidden_state`` ``(B, 1 + T*N, D)``: the class token, then the patches frame after frame, each
            frame row after row; ``pooler_output`` ``(B, D)``.

        Raises:
            ModelConfigError: for a shape that the model cannot take.
        """
        output_attentions = self.config.output_attentions if output_attentions is None else output_attentions
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        cls_B1D, x_BTHWD = self.embeddings(pixel_values)
        states, maps = [(cls_B1D, x_BTHWD)], []
        for layer in self.layers:
            cls_B1D, x_BTHWD, layer_maps = layer(cls_B1D, x_BTHWD, bool(output_attentions))
            maps.extend(layer_maps)
            if output_hidden_states:
                states.append((cls_B1D, x_BTHWD))
        cls_B1D, x_BTHWD = self.norm(cls_B1D), self.norm(x_BTHWD)
        pooled = cls_B1D[:, 0] if self.config.pooling == "cls" else x_BTHWD.mean(dim=(1, 2, 3))
        output = BaseModelOutputWithPooling(
            last_hidden_state=_join(cls_B1D, x_BTHWD),
            pooler_output=pooled,
            hidden_states=tuple(_join(*state) for state in states) if output_hidden_states else None,
            attentions=tuple(maps) if output_attentions else None,
        )
        return output if _wants_dict(return_dict, self.config) else output.to_tuple()


def _join(cls_B1D: Tensor, x_BTHWD: Tensor) -> Tensor:
    return torch.cat([cls_B1D, x_BTHWD.flatten(1, 3)], dim=1)


def _wants_dict(return_dict: bool | None, config: FALConfig) -> bool:
    return bool(config.return_dict if return_dict is None else return_dict)


class ClassificationHead(nn.Module):
    """A one-hidden-layer MLP, or a plain linear layer when ``classifier_hidden_size`` is 0."""

    def __init__(self, config: FALConfig) -> None:
        super().__init__()
        hidden = config.hidden_size if config.classifier_hidden_size is None else config.classifier_hidden_size
        self.dense = nn.Linear(config.hidden_size, hidden) if hidden else None
        self.activation = ACT2FN[config.hidden_act] if hidden else None
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.out = nn.Linear(hidden or config.hidden_size, config.num_labels)

    def forward(self, pooled_BD: Tensor) -> Tensor:
        """``(B, D)`` to logits ``(B, K)``."""
        if self.dense is not None and self.activation is not None:
            pooled_BD = self.activation(self.dense(pooled_BD))
        logits: Tensor = self.out(self.dropout(pooled_BD))
        return logits


class FALVideoClassifierForVideoClassification(FALPreTrainedModel):
    """FAL with its classification head."""

    def __init__(self, config: FALConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.fal = FALModel(config)
        self.classifier = ClassificationHead(config)
        self.post_init()

    def forward(
        self,
        pixel_values: Tensor,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **_: Any,
    ) -> ImageClassifierOutput | tuple[Any, ...]:
        """Classify clips.

        Args:
            pixel_values: ``(B, T, C, H*P, W*Q)`` float, as the processor makes it.
            labels: ``(B,)`` class numbers, or ``(B, K)`` targets when ``problem_type`` is
                ``"multi_label_classification"``.
            output_attentions: see :class:`FALModel`.
            output_hidden_states: see :class:`FALModel`.
            return_dict: a tuple instead when false.

        Returns:
            ``logits`` ``(B, K)``, and ``loss`` when labels are given.

        Raises:
            ModelConfigError: for a shape that the model cannot take.
        """
        encoded = self.fal(pixel_values, output_attentions, output_hidden_states, return_dict=True)
        logits = self.classifier(encoded.pooler_output)
        output = ImageClassifierOutput(
            loss=None if labels is None else self._loss(logits, labels),
            logits=logits,
            hidden_states=encoded.hidden_states,
            attentions=encoded.attentions,
        )
        return output if _wants_dict(return_dict, self.config) else output.to_tuple()

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        multi = self.config.problem_type == "multi_label_classification"
        wanted = tuple(logits.shape) if multi else (logits.shape[0],)
        if tuple(labels.shape) != wanted:
            raise ModelConfigError(f"labels has shape {tuple(labels.shape)}", remedy=f"give {wanted}")
        if multi:
            return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
        return F.cross_entropy(logits, labels)


__all__ = ["FALModel", "FALPreTrainedModel", "FALVideoClassifierForVideoClassification"]
