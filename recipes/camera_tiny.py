"""Makes the embedded model ``camera-tiny`` from nothing: no footage, no other weights, one command.

    python recipes/camera_tiny.py --out runs/camera-tiny

Training clips are drawn as they are needed (``falvideo.learning.camera_motion``), seeded; under two hours on two CPU
cores. ``--export`` writes the model as the package ships it. How good it is, is measured by
``recipes/evaluate_camera.py``.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

# Without these, glibc gives every large activation back to the system and asks for it again: measured here, that
# made elementwise operations three to five times slower. They are read when a process starts.
_ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "8589934592",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "OMP_WAIT_POLICY": "PASSIVE",
}
if __name__ == "__main__" and "MALLOC_MMAP_THRESHOLD_" not in os.environ and os.name == "posix":
    import sys

    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **_ALLOCATOR})

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from falvideo.learning.camera_motion import LABELS, Clip, backwards, mirror, render_clip, texture_bank
from falvideo.models.configuration_fal import FALConfig
from falvideo.models.modeling_fal import FALVideoClassifierForVideoClassification
from falvideo.models.video_processing_fal import FALVideoProcessor

FRAMES, RATE, SIDE, GRID = 12, 6.0, 96, 6
MEAN, STD = 0.45, 0.225
PLAIN_UNTIL, PLAIN_FADE, PLAIN_LAST = 3000, 12000, 0.06  # samples, samples, share
FLOW_UNIT = 0.005  # of the picture's side: about half a pixel


def make_config() -> FALConfig:
    return FALConfig(
        image_size=SIDE,
        patch_size=SIDE // GRID,
        num_channels=1,
        num_frames=FRAMES,
        frame_rate=RATE,
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=512,
        attention_scheme="divided",
        frame_difference=True,
        patch_standardisation=True,
        pooling="mean",
        initializer_range=0.06,
        id2label=dict(enumerate(LABELS)),
        label2id={label: i for i, label in enumerate(LABELS)},
    )


class Scenes(IterableDataset):
    """An endless, seeded stream of clips; each rendered clip is seen ``reuse`` times, mirrored or reversed."""

    def __init__(self, seed: int, textures: int, reuse: int, buffer: int = 384) -> None:
        self.seed, self.textures, self.reuse, self.buffer = seed, textures, reuse, buffer

    def __iter__(self) -> Iterator[tuple[Tensor, int, Tensor]]:
        info = torch.utils.data.get_worker_info()
        worker = 0 if info is None else info.id
        torch.set_num_threads(1)
        rng = np.random.default_rng([self.seed, worker])
        bank = texture_bank(self.seed, self.textures)
        pool: list[tuple[Clip, int]] = []
        given = 0
        while True:
            # Plain scenes first: on hard ones alone, nothing is learnt for hundreds of steps.
            plain_share = max(PLAIN_LAST, 1 - max(0, given - PLAIN_UNTIL) / PLAIN_FADE)
            while len(pool) < self.buffer:
                plain = bool(rng.random() < plain_share)
                clip = render_clip(rng, bank, frames=FRAMES, rate=RATE, side=SIDE, patches=GRID, plain=plain)
                pool.append((clip, self.reuse))
                if len(pool) > 64:  # start giving before the buffer is full
                    break
            i = int(rng.integers(len(pool)))
            clip, left = pool[i]
            if left == 1:
                pool[i] = pool[-1]
                pool.pop()
            else:
                pool[i] = (clip, left - 1)
            given += 1
            yield self._vary(rng, clip)

    @staticmethod
    def _vary(rng: np.random.Generator, clip: Clip) -> tuple[Tensor, int, Tensor]:
        if rng.random() < 0.5:
            clip = mirror(clip, "x")
        if rng.random() < 0.5:
            clip = mirror(clip, "y")
        if rng.random() < 0.5:
            clip = backwards(clip)
        frames = clip.frames
        if rng.random() < 0.25:
            frames = 1 - frames
        return (frames * 255).to(torch.uint8), clip.label, clip.flow


def cosine_patches(model: FALVideoClassifierForVideoClassification) -> None:
    """Start the patch embedding as the lowest cosine patterns of the patch, of the frame and of its difference."""
    weight = model.fal.embeddings.projection.weight
    side = SIDE // GRID
    n = torch.arange(side, dtype=torch.float32)
    basis = torch.cos(math.pi * (n[None] + 0.5) * n[:, None] / side) * math.sqrt(2 / side)
    basis[0] /= math.sqrt(2)
    order = sorted(((u, v) for u in range(side) for v in range(side)), key=lambda uv: (uv[0] ** 2 + uv[1] ** 2, uv))
    planes = torch.stack([torch.outer(basis[u], basis[v]) for u, v in order[: weight.shape[0] // 2]])
    with torch.no_grad():
        weight.normal_(std=0.004)
        table = weight.view(weight.shape[0], 2, side, side)
        table[0::2, 0] += 0.35 * planes
        table[0, 0] *= 0.2  # brightness itself says little
        table[1::2, 1] += 1.0 * planes
        model.fal.embeddings.position_embeddings.normal_(std=0.15)
        model.fal.embeddings.time_embeddings.normal_(std=0.05)
        for layer in model.fal.layers:
            layer.steps["time"].output.weight.normal_(std=0.05)


class WithFlow(nn.Module):
    """The classifier and, in training only, a linear layer that reads the camera's motion off every patch token."""

    def __init__(self, model: FALVideoClassifierForVideoClassification) -> None:
        super().__init__()
        self.model = model
        self.flow = nn.Linear(model.config.hidden_size, 2)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        pixels = ((frames.float() / 255 - MEAN) / STD)[:, :, None]
        encoded = self.model.fal(pixels)
        tokens = encoded.last_hidden_state[:, 1:].view(-1, FRAMES, GRID, GRID, self.model.config.hidden_size)
        return self.model.classifier(encoded.pooler_output), self.flow(tokens)


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix is made orthogonal before each step (Jordan et al., 2024), scaled like AdamW's steps.

    torch.optim.Muon computes in bfloat16, which most CPUs emulate: there it took longer than the model itself.
    """

    def __init__(self, parameters: list[nn.Parameter], lr: float, weight_decay: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                velocity = state.setdefault("velocity", torch.zeros_like(p))
                velocity.lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(torch.lerp(p.grad, velocity, group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * 0.2 * max(p.shape) ** 0.5)


def orthogonal(matrix: Tensor, rounds: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix, nearly, by a quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


def make_optimisers(net: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon (orthogonalised momentum) for the blocks' matrices, AdamW for the rest, at one learning rate."""
    matrices = [p for n, p in net.named_parameters() if ".layers." in n and p.ndim == 2]
    chosen = {id(p) for p in matrices}
    rest = [p for p in net.parameters() if id(p) not in chosen]
    return [
        Muon(matrices, lr=lr, weight_decay=0.05),
        torch.optim.AdamW(rest, lr=lr, weight_decay=0.05, betas=(0.9, 0.98)),
    ]


def train(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    model = FALVideoClassifierForVideoClassification(make_config())
    cosine_patches(model)
    net = WithFlow(model)
    if args.init:
        net.load_state_dict(torch.load(args.init, weights_only=True))
    average = copy.deepcopy(net).eval()
    loader = iter(
        DataLoader(
            Scenes(args.seed, args.textures, args.reuse),
            batch_size=args.batch,
            num_workers=args.workers,
            prefetch_factor=4,
        )
    )
    optimisers = make_optimisers(net, args.lr)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    history = (out / "history.csv").open("w")
    history.write("step,seconds,loss,flow,accuracy\n")
    begun, seen, right, sums = time.time(), 0, 0, np.zeros(2)
    for step in range(args.steps):
        share = step / args.steps
        scale = min(1.0, (step + 1) / 60) * 0.5 * (1 + math.cos(math.pi * share))
        for group in (g for o in optimisers for g in o.param_groups):
            group["lr"] = args.lr * max(scale, 0.01)
        frames, labels, flow = next(loader)
        logits, guess = net(frames)
        loss = F.cross_entropy(logits, labels, label_smoothing=0.05)
        flow_loss = F.smooth_l1_loss(guess[:, 1:], torch.asinh(flow[:, 1:] / FLOW_UNIT))
        net.zero_grad()
        (loss + args.flow_weight * flow_loss).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        decay = min(0.998, (step + 1) / (step + 10))
        with torch.no_grad():
            for mean, new in zip(average.parameters(), net.parameters(), strict=True):
                mean.lerp_(new, 1 - decay)
        sums += [loss.item(), flow_loss.item()]
        right += int((logits.argmax(1) == labels).sum())
        seen += len(labels)
        if (step + 1) % 25 == 0:
            line = f"{step + 1},{time.time() - begun:.0f},{sums[0] / 25:.4f},{sums[1] / 25:.4f},{right / seen:.4f}"
            history.write(line + "\n")
            history.flush()
            print(line, flush=True)
            seen, right, sums = 0, 0, np.zeros(2)
        if (step + 1) % 200 == 0 or step + 1 == args.steps:
            torch.save(average.state_dict(), out / "average.pt")
    (out / "arguments.json").write_text(json.dumps(vars(args), indent=2) + "\n")


def export(run: Path, folder: Path) -> None:
    """Write the averaged weights, without the training-only flow layer, and the processor that fits them."""
    model = FALVideoClassifierForVideoClassification(make_config())
    weights = torch.load(run / "average.pt", weights_only=True)
    model.load_state_dict({k.removeprefix("model."): v for k, v in weights.items() if k.startswith("model.")})
    model.save_pretrained(folder)
    FALVideoProcessor(
        size={"height": SIDE, "width": SIDE},
        image_mean=[MEAN],
        image_std=[STD],
        do_grayscale=True,
        num_frames=FRAMES,
        frame_rate=RATE,
    ).save_pretrained(folder)
    print(f"wrote {folder}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="runs/camera-tiny")
    parser.add_argument("--init")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--flow-weight", type=float, default=1.0)
    parser.add_argument("--textures", type=int, default=600)
    parser.add_argument("--reuse", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=500)
    parser.add_argument("--export", type=Path, help="write the model of --out here instead of training")
    args = parser.parse_args()
    if args.export:
        export(Path(args.out), args.export)
    else:
        train(args)


if __name__ == "__main__":
    main()
