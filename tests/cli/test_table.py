"""The table, the progress and the lines, as people see them."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest
from rich.console import Console

from falvideo.cli.progress import Reporter
from falvideo.cli.table import print_result
from falvideo.cli.words import clock, one_line
from falvideo.labeling.result import LabelResult
from falvideo.records import UNKNOWN, LabelScore, ModelInfo, Segment, SourceInfo

RESULT = LabelResult(
    source=SourceInfo("a/clip.mp4", "0" * 64, 10.0, None, True, 0.0, 640, 480),
    model=ModelInfo("camera-tiny", "1", "sha256:" + "0" * 64),
    labels=(LabelScore("pan left", 0.61), LabelScore("static", 0.2)),
    segments=(
        Segment(0.0, 5.0, 0, 50, "pan left", 0.9),
        Segment(5.0, 7.5, 50, 75, UNKNOWN, 0.2),
        Segment(7.5, 10.0, 75, 100, "static", 0.85),
    ),
)


def shown(result: LabelResult = RESULT, *, width: int = 80, colours: bool = False, no_color: bool = False) -> list[str]:
    out = io.StringIO()
    system = "truecolor" if colours else None
    print_result(result, Console(file=out, width=width, color_system=system, force_terminal=colours, no_color=no_color))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_table() -> None:
    assert shown() == [
        "a/clip.mp4  0:10.0, 640x480 (variable)",
        "the clip  pan left 61%, static 20%",
        "a" * 36 + "░" * 18 + "b" * 18,
        "0:00.0" + " " * 60 + "0:10.0",
        " start     end     label     score",
        "0:00.0  0:05.0  a  pan left    90%",
        "0:05.0  0:07.5  ░  unknown     20%",
        "0:07.5  0:10.0  b  static      85%",
        "labelled by camera-tiny",
    ]


def test_colours_tell_labels_apart_and_letters_do_where_there_are_none() -> None:
    strip = shown(colours=True)[2]
    assert "█" in strip
    assert "\x1b[38;2;0;114;178m" in strip
    plain = "\n".join(shown(colours=True, no_color=True))
    assert "38;2" not in plain
    assert "aaa" in plain


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_of_the_table_is_wider_than_the_terminal(width: int) -> None:
    long = "a label that goes on and on and on and on, longer than anybody would read it " * 2
    segments = (Segment(0.0, 40_000.0, 0, 50, long, 0.9), Segment(40_000.0, 400_000.0, 50, 90, "x" * 90, 1.0))
    result = dataclasses.replace(RESULT, segments=segments, labels=(LabelScore(long, 0.5),))
    lines = shown(result, width=width)
    assert all(len(line) <= max(width, 41) for line in lines if not line.startswith(("a/clip", "labelled")))
    assert any("1:06:40.0" in line or "11:06:40.0" in line for line in lines)
    words = " ".join(" ".join(lines).split())
    assert "100%" in words or width < 40


def test_names_from_strangers_move_no_cursor() -> None:
    name = "a\nb\x1b[2J\r\t\udcff :boom: [red]x[/red] \u202e\u202fPM.mp4"
    result = dataclasses.replace(
        RESULT,
        source=dataclasses.replace(RESULT.source, uri=name),
        labels=(LabelScore(name, 0.5),),
        segments=(Segment(0.0, 10.0, 0, 100, name, 0.5),),
    )
    text = "\n".join(shown(result, width=200))
    for bad in ("\x1b", "\r", "\t", "\udcff", "\u202e"):
        assert bad not in text
    assert ":boom: [red]x[/red]" in text
    assert "a\\nb" in text
    assert "\u202fPM" in text  # what macOS puts into the names of screen recordings


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (7.46, "0:07.5"), (59.96, "1:00.0"), (723, "12:03.0"), (3723.04, "1:02:03.0"), (-0.08, "-0:00.1")],
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_one_line_leaves_text_alone() -> None:
    assert one_line("日本 é C:\\x 'q'") == "日本 é C:\\x 'q'"
    assert one_line("a\n\x9b\udc80") == "a\\n\\x9b\\udc80"


def test_plain_lines_come_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("falvideo.cli.progress.time.monotonic", lambda: now)
    with Reporter("auto") as reporter:
        reporter.status("loading the model")
        reporter.begin(["a.mp4", "b.mp4"])
        for second in range(25):
            now = 1000.0 + second
            reporter.progress(second * 20.0, 3600.0)
        reporter.finished("a.mp4", RESULT)
        reporter.finished("b.mp4", None)
        reporter.error("b.mp4: broken: repair it")
        reporter.end(2, 1)
    assert capsys.readouterr().err.splitlines() == [
        "1/2 a.mp4: 3:20.0 of 1:00:00.0 (20x)",
        "1/2 a.mp4: 6:40.0 of 1:00:00.0 (20x)",
        "1/2 a.mp4: pan left 61%, 0:10.0 in 24.0 s",
        "error b.mp4: broken: repair it",
        "1 of 2 labelled, 1 failed: 0:10.0 of video in 24.0 s",
    ]


def test_progress_as_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("falvideo.cli.progress.time.monotonic", lambda: now)
    with Reporter("json") as reporter:
        reporter.begin(["a\n.mp4"])
        now = 1.0
        reporter.progress(10.0, 40.0)
        now = 1.2
        reporter.progress(12.0, 40.0)
        now = 2.0
        reporter.progress(20.0, None)
        reporter.finished("a\n.mp4", RESULT)
        reporter.end(1, 0)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["event"] for event in events] == ["progress", "progress", "finished", "end"]
    assert events[0] == {
        "event": "progress",
        "uri": "a\n.mp4",
        "file": 1,
        "files": 1,
        "done_seconds": 10.0,
        "total_seconds": 40.0,
        "speed": 10.0,
        "seconds_left": 3.0,
    }
    assert events[1]["total_seconds"] is None
    assert events[1]["seconds_left"] is None


@pytest.mark.parametrize("mode", ["auto", "bar", "none", "json"])
def test_quiet_says_errors_only(capsys: pytest.CaptureFixture[str], mode: str) -> None:
    with Reporter(mode, quiet=True) as reporter:
        reporter.status("loading the model")
        reporter.begin(["a.mp4", "b.mp4"])
        reporter.progress(1.0, 2.0)
        reporter.warning("odd")
        reporter.finished("a.mp4", RESULT)
        reporter.error("b.mp4: broken")
        reporter.finished("b.mp4", None)
        reporter.end(2, 1)
    (line,) = capsys.readouterr().err.splitlines()
    assert "b.mp4: broken" in line


def test_the_bar_fits_and_begins_anew_for_each_file() -> None:
    out = io.StringIO()
    reporter = Reporter("bar")
    reporter._console = Console(file=out, force_terminal=True, width=80, color_system=None)
    with reporter:
        reporter.status("loading the model")
        reporter.begin(["a/" * 60 + "long.mp4", "b.mp4"])
        for done in range(0, 50, 10):
            reporter.progress(float(done), 100.0)
        reporter._bar.refresh()  # type: ignore[union-attr]
        reporter.pause()
        reporter.resume()
        reporter.finished("b.mp4", RESULT)
    text = out.getvalue()
    assert "1/2 …" in text
    assert "a/a/long.mp4" in text
    assert "2/2 b.mp4" in text
    assert "40%" in text
    assert "%" not in text.split("2/2 b.mp4")[1]
    frames = [line for line in text.replace("\r", "\n").split("\n") if "%" in line]
    assert all(len(line.split("\x1b")[0]) <= 80 for line in frames)
