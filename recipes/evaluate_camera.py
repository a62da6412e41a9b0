"""Measures ``camera-tiny``: prints the tables of its model card.

    python recipes/evaluate_camera.py --clips PATH/TO/camera     real clips: labels.csv (path,label) beside them
    python recipes/evaluate_camera.py                            new procedural scenes only

Real clips go through ``falvideo.label`` as a user's would; a clip's answer is its best label. Procedural scenes come
from seeds and textures that training never saw.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

import falvideo
from falvideo.learning.camera_motion import LABELS, render_clip, texture_bank

TRAINING_SEED = 500  # recipes/camera_tiny.py; the seeds here differ


def report(name: str, truth: list[str], answers: list[str], errors: list[str]) -> None:
    f1 = f1_score(truth, answers, labels=LABELS, average=None, zero_division=0)
    print(f"\n### {name}\n")
    print(f"{len(truth)} clips: macro-F1 **{np.mean(f1):.3f}**, accuracy {accuracy_score(truth, answers):.3f}\n")
    print("| label | F1 | " + " | ".join(LABELS) + " |")
    print("|---" * (len(LABELS) + 2) + "|")
    for label, score, row in zip(LABELS, f1, confusion_matrix(truth, answers, labels=LABELS), strict=True):
        print(f"| {label} | {score:.2f} | " + " | ".join(str(n) if n else "" for n in row) + " |")
    if errors:
        print("\nMissed: " + "; ".join(errors))


def real_clips(folder: Path, model: falvideo.VideoClassifier) -> None:
    truth, answers, errors = [], [], []
    for row in csv.DictReader((folder / "labels.csv").read_text(encoding="utf-8").splitlines()):
        # Without the threshold, so that every clip has an answer.
        best = falvideo.label(folder / row["path"], model=model, threshold=0.0).labels[0]
        truth.append(row["label"])
        answers.append(best.label)
        if best.label != row["label"]:
            errors.append(f"{row['path']} ({best.label}, {best.score:.2f})")
    report(f"Real footage under a virtual camera ({folder.name}/)", truth, answers, errors)


def procedural(model: falvideo.VideoClassifier, count: int, plain: bool) -> None:
    bank = texture_bank(TRAINING_SEED + 1, 150)
    truth, answers = [], []
    for i in range(count):
        clip = render_clip(np.random.default_rng([TRAINING_SEED + 2, plain, i]), bank, label=i % 10, plain=plain)
        rgb = (clip.frames * 255).to(torch.uint8)[None, ..., None].expand(-1, -1, -1, -1, 3)
        scores = model.scores(rgb.numpy())
        truth.append(LABELS[clip.label])
        answers.append(model.labels[int(scores[0].argmax())])
    report(f"New procedural scenes, {'plain' if plain else 'hard'}", truth, answers, [])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--model", default="camera-tiny")
    parser.add_argument("--count", type=int, default=1000)
    args = parser.parse_args()
    model = falvideo.load_model(args.model)
    if args.clips is not None:
        real_clips(args.clips, model)
    for plain in (False, True):
        procedural(model, args.count, plain)


if __name__ == "__main__":
    main()
