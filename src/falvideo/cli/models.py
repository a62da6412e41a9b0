"""``falvideo models``: what -m takes."""

from __future__ import annotations


def models() -> None:
    """List what -m takes."""
    from rich.console import Console
    from rich.table import Table

    from falvideo.models.catalogue import DEFAULT_MODEL, EMBEDDED

    table = Table(title=None, box=None, pad_edge=False, header_style="bold")
    table.add_column("-m", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    for model in EMBEDDED.values():
        default = " (the default)" if model.name == DEFAULT_MODEL else ""
        table.add_row(model.name, f"embedded, works offline{default}: {model.summary}")
    table.add_row("./FOLDER", "a model saved with save_pretrained: yours, or any Hugging Face video classifier")
    table.add_row(
        "ORG/NAME\\[@REVISION]",
        "a Hugging Face id, downloaded once, e.g. MCG-NJU/videomae-base-finetuned-kinetics or "
        "facebook/timesformer-base-finetuned-k400",
    )
    Console(soft_wrap=False).print(table)
