"""The command as a whole: help, versions, usage errors, what is loaded when."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.running import Run

from falvideo.cli.label import parse_time


def test_neither_the_import_nor_help_loads_anything_heavy() -> None:
    program = """
import json, sys
import falvideo
first = sorted(sys.modules)
sys.argv = ["falvideo", "label", "--help"]
from falvideo.cli.main import main
try:
    main()
except SystemExit as left:
    print(json.dumps([left.code, first, sorted(sys.modules)]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    code, first, then = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    for name in ("torch", "transformers", "av", "numpy", "PIL"):
        assert name not in first
        assert name not in then
    assert "rich" not in first


def test_help(run: Run) -> None:
    for arguments in (["--help"], ["-h"]):
        outcome = run(*arguments)
        assert outcome.code == 0
        assert "label" in outcome.out
        assert "models" in outcome.out
    text = run("label", "--help").out
    assert "Exit codes: 0 all good" in text
    assert "[default: a table]" in text
    for odd in ("<bool>", "<str>]", "default: (", "Reporter", "Annotated"):
        assert odd not in text
    assert max(map(len, text.splitlines())) <= 80
    assert run("models", "--help").code == 0


def test_no_argument_shows_the_help(run: Run) -> None:
    outcome = run()
    assert outcome.code == 2
    assert "Commands:" in outcome.lines


def test_version(run: Run) -> None:
    outcome = run("--version")
    assert (outcome.code, outcome.out) == (0, "falvideo 0.1.0.dev0\n")


def test_models(run: Run) -> None:
    outcome = run("models")
    assert outcome.code == 0
    for words in ("camera-tiny", "./FOLDER", "ORG/NAME[@REVISION]", "the default"):
        assert words in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "nonsense"),
        (["label"], "SRC"),
        (["label", "x.mp4", "--nope"], "--nope"),
        (["label", "x.mp4", "--top-k", "many"], "--top-k"),
        (["label", "x.mp4", "--top-k", "0"], "--top-k 0"),
        (["label", "x.mp4", "--threshold", "1.5"], "--threshold 1.5"),
        (["label", "x.mp4", "--window", "-1"], "--window -1"),
        (["label", "x.mp4", "--window", "1", "--stride", "2"], "--stride 2"),
        (["label", "x.mp4", "--batch-size", "0"], "--batch-size 0"),
        (["label", "x.mp4", "--start", "soon"], "soon"),
        (["label", "x.mp4", "--start", "5", "--end", "1:60.5", "--end", "4"], "--end 4"),
        (["label", "x.mp4", "--progress", "loud"], "loud"),
        (["label", "x.mp4", "-f", "json"], "-o"),
        (["label", "x.mp4", "-o", "", "-f", "json"], "-o is empty"),
        (["label", "x.mp4", "-o", "out", "-f", "jsn"], "did you mean json"),
        (["label", "x.mp4", "-o", "out", "-f", ","], "no output format"),
        (["label", "x.mp4", "-o", "-", "-f", "json,csv"], "one format"),
    ],
)
def test_usage_errors_are_one_line_and_exit_code_2(
    run: Run, arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    (line,) = outcome.lines
    assert line.startswith("falvideo: ")
    assert words in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-m", "camera-huge"], "falvideo models"),
        (["-m", "not/a/model/at/all"], "falvideo models"),
        (["--device", "abacus"], "use one of auto, cpu"),
    ],
)
def test_a_model_or_device_that_is_not_there(run: Run, clip: Path, arguments: list[str], words: str) -> None:
    outcome = run("label", clip, *arguments)
    assert outcome.code == 2
    (line,) = outcome.lines
    assert arguments[1] in line
    assert words in line


def test_a_stride_that_does_not_fit_the_model_is_a_usage_error(run: Run, clip: Path, model: object) -> None:
    outcome = run("label", clip, "--stride", "1.5")
    assert outcome.code == 2
    assert "longer than the window of 1 s" in outcome.err


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90.5", 90.5), (".5", 0.5), ("1:30", 90), ("01:00:00.25", 3600.25), (" 7 ", 7)]
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1:2:3:4", "1e3", "nan", "inf", "1m", "١"])
def test_what_is_not_a_time(text: str) -> None:
    with pytest.raises(Exception, match="not a time"):
        parse_time(text)


def test_an_interrupt_is_130(run: Run, clip: Path, model: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("falvideo.models.zoo.load_model", interrupted)
    outcome = run("label", clip)
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "falvideo: interrupted; finished files are kept\n")
