"""Which patches attend together: the schemes, as data.

Letters: B batch, T frames, H W patch rows and columns, N = H*W, D width, S tokens that attend together,
G independent groups of them.

A scheme is a tuple of steps, one row of ``SCHEMES``; a block runs them in order, each with its own layer norm,
weights and residual. A step regroups the tokens so that those which attend together stand in one row, attends,
and puts them back. The module knows nothing of blocks, embeddings or heads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from falvideo.models.configuration_fal import FALConfig

# Below this many tokens a row, a fused kernel costs more to start than it saves on a CPU (measured: twice as slow
# at 16 to 37 tokens in float32, ten times at 8 in bfloat16), so plain matrix products are used.
FUSED_FROM = 256


def attend(
    query_GhSd: Tensor, key_GhSd: Tensor, value_GhSd: Tensor, dropout: float = 0.0
) -> tuple[Tensor, Callable[[], Tensor]]:
    """Scaled dot-product attention, by the faster kernel for the device and length.

    Args:
        query_GhSd: ``(G, heads, S, d)``.
        key_GhSd: ``(G, heads, S', d)``.
        value_GhSd: ``(G, heads, S', d)``.
        dropout: probability of dropping an attention weight.

    Returns:
        The output ``(G, heads, S, d)``, and a function that gives the weights ``(G, heads, S, S')``.
    """
    scale = query_GhSd.shape[-1] ** -0.5

    def weights() -> Tensor:
        return torch.softmax((query_GhSd * scale) @ key_GhSd.transpose(-2, -1), dim=-1)

    if key_GhSd.shape[-2] < FUSED_FROM and query_GhSd.device.type == "cpu":
        probabilities = weights()
        if dropout:
            probabilities = F.dropout(probabilities, dropout)
        return probabilities @ value_GhSd, weights
    out = F.scaled_dot_product_attention(query_GhSd, key_GhSd, value_GhSd, dropout_p=dropout)
    return out, weights


class SelfAttention(nn.Module):
    """Multi-head self-attention within each row of ``(G, S, D)`` (eqs. 5 to 8 of the paper)."""

    def __init__(self, config: FALConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=config.qkv_bias)
        self.projection = nn.Linear(config.hidden_size, config.hidden_size)
        self.attention_dropout = float(config.attention_probs_dropout_prob)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, rows_GSD: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
        """Attend within each row; returns ``(G, S, D)`` and a function giving the weights."""
        G, S, D = rows_GSD.shape
        qkv = self.qkv(rows_GSD).view(G, S, 3, self.heads, D // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        dropout = self.attention_dropout if self.training else 0.0
        out, weights = attend(query, key, value, dropout)
        return self.dropout(self.projection(out.transpose(1, 2).reshape(G, S, D))), weights


Regroup = Callable[[Tensor, Tensor], tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor]]]]
"""(class token (B, 1, D), patches (B, T, H, W, D)) -> (rows (G, S, D), undo); undo gives back both."""


def _over_time(cls_B1D: Tensor, x_BTHWD: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor]]]:
    """``b t h w d -> (b h w) t d``: each patch with the same place in the other frames (eq. 11).

    The class token takes no part, as in the paper's public code; its update is zero.
    """
    B, T, H, W, D = x_BTHWD.shape
    rows = x_BTHWD.permute(0, 2, 3, 1, 4).reshape(B * H * W, T, D)

    def undo(rows: Tensor) -> tuple[Tensor, Tensor]:
        patches = rows.view(B, H, W, T, D).permute(0, 3, 1, 2, 4)
        return torch.zeros_like(cls_B1D), patches

    return rows, undo


def _over_space(cls_B1D: Tensor, x_BTHWD: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor]]]:
    """``b t h w d -> (b t) (1 + h w) d``: each patch with the patches of its own frame (eq. 6).

    Every frame sees a copy of the class token; the copies' updates are averaged over the frames.
    """
    B, T, H, W, D = x_BTHWD.shape
    patches = x_BTHWD.reshape(B * T, H * W, D)
    copies = cls_B1D[:, None].expand(B, T, 1, D).reshape(B * T, 1, D)

    def undo(rows: Tensor) -> tuple[Tensor, Tensor]:
        update = rows[:, 0].view(B, T, D).mean(dim=1, keepdim=True)
        return update, rows[:, 1:].reshape(B, T, H, W, D)

    return torch.cat([copies, patches], dim=1), undo


@dataclass(frozen=True)
class Step:
    """One attention step of a scheme.

    Attributes:
        name: for weights and attention maps.
        regroup: which tokens attend together.
        zero_initialised: whether the output passes through an extra linear layer that starts at zero, so that a
            model made from an image model begins as that image model.
    """

    name: str
    regroup: Regroup
    zero_initialised: bool = False


SCHEMES: dict[str, tuple[Step, ...]] = {
    "divided": (Step("time", _over_time, zero_initialised=True), Step("space", _over_space)),
}


class ZeroLinear(nn.Linear):
    """A linear layer that initialisation leaves at zero."""


class AttentionStep(nn.Module):
    """Layer norm, regroup, attend, put back: the update that one step adds to the tokens."""

    def __init__(self, config: FALConfig, step: Step) -> None:
        super().__init__()
        self.regroup = step.regroup
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attention = SelfAttention(config)
        self.output = ZeroLinear(config.hidden_size, config.hidden_size) if step.zero_initialised else None

    def forward(self, cls_B1D: Tensor, x_BTHWD: Tensor) -> tuple[Tensor, Tensor, Callable[[], Tensor]]:
        """Updates of the class token and the patches, and a function giving the attention weights."""
        rows, undo = self.regroup(cls_B1D, x_BTHWD)
        rows, weights = self.attention(self.norm(rows))
        if self.output is not None:
            rows = self.output(rows)
        cls_update, x_update = undo(rows)
        return cls_update, x_update, weights
