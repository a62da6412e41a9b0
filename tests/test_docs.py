"""What README.md and docs/ show is run: every Python snippet, every command, every local link."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from falvideo.exports import json_schema

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "recipes/README.md", "benchmarks/RESULTS.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "src/falvideo/assets/camera-tiny/README.md",
]
NEEDS_NETWORK = re.compile(r"-m [\w-]+/")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


SNIPPETS = [
    (page.relative_to(ROOT).as_posix(), i, code) for page in PAGES for i, code in enumerate(blocks(page, "python"))
]
COMMANDS = [
    (page.relative_to(ROOT).as_posix(), line.removeprefix("$ ").split("  #")[0].strip())
    for page in PAGES
    for block in blocks(page, "console")
    for line in block.splitlines()
    if line.startswith("$ falvideo")
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder as a reader of the README would have it."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "clips" / "sub").mkdir(parents=True)
    for name in ("clip.mp4", "clips/a.mp4", "clips/a.mov", "clips/sub/b.mp4"):
        shutil.copy(ROOT / "examples" / "camera.mp4", folder / name)
    for name in ("examples", "src"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("page", "number", "code"), SNIPPETS, ids=[f"{p}-{i}" for p, i, _ in SNIPPETS])
def test_snippets_run(desk, page, number, code):
    run = subprocess.run([sys.executable, "-c", code], cwd=desk, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize(("page", "command"), [c for c in COMMANDS if not NEEDS_NETWORK.search(c[1])])
def test_commands_run(desk, page, command):
    line = command.replace("falvideo ", f"{sys.executable} -m falvideo.cli.main ", 1)
    if "| jq" in line and shutil.which("jq") is None:
        line = line.split("| jq")[0]
    # A pattern of the README, with the files that the folder has; each command starts afresh.
    shutil.rmtree(desk / "out", ignore_errors=True)
    run = subprocess.run(line, cwd=desk, shell=True, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    if "-o out" in line:
        assert list((desk / "out").rglob("*.json"))


def test_the_pages_have_what_is_tested():
    assert len(SNIPPETS) >= 3
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_local_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_options_page_has_every_option():
    from typing import get_args, get_type_hints

    from falvideo.cli.label import label

    shown = set(re.findall(r"`(--?[a-z][a-z-]*)`", (ROOT / "docs" / "command.md").read_text(encoding="utf-8")))
    declared = set()
    for name, hint in get_type_hints(label, include_extras=True).items():
        for info in get_args(hint)[1:]:
            if type(info).__name__ == "OptionInfo":
                declared |= set(info.param_decls) or {f"--{name.replace('_', '-')}"}
    assert declared <= shown, declared - shown
    assert {option for option in shown if option.startswith("--")} <= declared


def test_the_json_of_the_formats_page_is_valid():
    (text,) = blocks(ROOT / "docs" / "formats.md", "json")
    text = text.replace('"sha256": "..."', f'"sha256": "{"0" * 64}"').replace('"sha256:..."', f'"sha256:{"0" * 64}"')
    jsonschema.validate(json.loads(text), json_schema())


def test_no_figure_of_the_first_announcement_is_ours():
    for page in [*PAGES, ROOT / "CHANGELOG.md"]:
        assert "92.4" not in page.read_text(encoding="utf-8")


def test_make_demo_and_ci_are_what_the_readme_says():
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "VIDEO ?= examples/camera.mp4" in rules
    assert '$(BIN)/falvideo label -- "$(VIDEO)"' in rules
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make check" in ci
    assert "make test" in ci
