"""The command as a process of its own: every bad input at once, Ctrl-C, pipes. Each run costs seconds."""

from __future__ import annotations

import http.server
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.running import COMMAND, Outcome, run_for_real, surroundings
from tests.labeling.fakes import grey_video
from tests.media import concat_script, fast_start, huge_size, make_audio, make_video, playlist, truncated

from falvideo.exports import load_json


@pytest.fixture(scope="module")
def requests_seen() -> Iterator[tuple[str, list[str]]]:
    """Address of a server on this machine, and the list of what was asked of it."""
    seen: list[str] = []

    class Recorder(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Recorder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# What is wrong -> the error's class and words of its line; what can be labelled all the same is not here.
BAD = {
    "text.mp4": ("NotAVideoError", "text"),
    "empty.mp4": ("NotAVideoError", "empty"),
    "sound.mp4": ("NoVideoStreamError", "video track"),
    "cover.mp4": ("NoVideoStreamError", "video track"),
    "no frames.mp4": ("NoFramesError", "no frame"),
    "half an index.mp4": ("NotAVideoError", "truncated"),
    "playlist.mp4": ("NotAVideoError", "playlist"),
    "concat.mp4": ("NotAVideoError", "joins other files"),
    "huge.mkv": ("SourceLimitError", "65000x65000"),
    "broken link.mp4": ("SourceNotFoundError", "no such file"),
}
GOOD = {"one frame.mp4", "cut.mp4", "rotated.mp4", "good.mp4", "z good.mkv"}


@pytest.fixture(scope="module")
def bad_inputs(tmp_path_factory: pytest.TempPathFactory, requests_seen: tuple[str, list[str]]) -> Path:
    root = tmp_path_factory.mktemp("bad")
    folder = root / "in"
    folder.mkdir()
    (root / "no videos").mkdir()
    good = grey_video(folder / "good.mp4", [20] * 20 + [235] * 20)
    grey_video(folder / "z good.mkv", [20] * 20)
    grey_video(folder / "one frame.mp4", [200])
    make_video(folder / "rotated.mp4", frames=20, rate=10, rotation=37)
    long = fast_start(make_video(root / "long.mp4", frames=100, rate=10), root / "long2.mp4")
    truncated(long, folder / "cut.mp4", 0.6)
    data = long.read_bytes()
    (folder / "no frames.mp4").write_bytes(data[: data.index(b"mdat") + 8])
    truncated(root / "long.mp4", folder / "half an index.mp4", 0.5)
    (folder / "text.mp4").write_text("This is no video.\n" * 9)
    (folder / "empty.mp4").touch()
    make_audio(folder / "sound.mp4")
    make_audio(folder / "cover.mp4", cover=True)
    playlist(folder / "playlist.mp4", f"{requests_seen[0]}/segment.ts")
    concat_script(folder / "concat.mp4", str(good), f"{requests_seen[0]}/other.mp4")
    huge_size(folder / "huge.mkv")
    (folder / "broken link.mp4").symlink_to("nowhere.mp4")
    return root


@pytest.fixture(scope="module")
def outcome(bad_inputs: Path, tiny_model: Path) -> Outcome:
    """One run over everything that is bad, and over the good files beside it."""
    return run_for_real(
        "label", "in", "nope.mp4", "no videos", "-o", "out", "-f", "json,vtt", "-m", tiny_model, cwd=bad_inputs
    )


def test_the_good_files_are_labelled(outcome: Outcome, bad_inputs: Path) -> None:
    assert outcome.code == 1
    assert outcome.out == ""
    out = bad_inputs / "out"
    assert {p.name for p in out.iterdir()} == {f"{n}.{f}" for n in GOOD for f in ("json", "vtt")} | {"errors.jsonl"}
    results = {name: load_json((out / f"{name}.json").read_text()) for name in GOOD}
    assert results["good.mp4"].segments[-1].end == 4.0
    assert results["one frame.mp4"].segments[-1].end_frame == 1
    cut = results["cut.mp4"]
    assert 2.0 < cut.segments[-1].end < 9.0
    assert any(f"{cut.segments[-1].end:.1f}"[:3] in warning for warning in cut.warnings), cut.warnings
    assert any("rotation" in warning for warning in results["rotated.mp4"].warnings)


def test_each_bad_file_has_its_one_line(outcome: Outcome, bad_inputs: Path) -> None:
    assert "Traceback" not in outcome.err
    for line in outcome.lines[:-1]:
        assert line.startswith(("error ", "warning ")) or line.split("/")[0].isdigit(), line
    assert outcome.lines[-1].startswith(f"{len(GOOD)} of {len(GOOD) + len(BAD) + 2} labelled, {len(BAD) + 2} failed: ")
    for name, (_, words) in BAD.items():
        (line,) = [line for line in outcome.lines if f"in/{name}" in line and line.startswith("error ")]
        assert words in line
        assert ": " in line.removeprefix("error ").replace(f"in/{name}: ", "", 1), line  # what, then what to do
    for name in ("cut.mp4", "rotated.mp4"):
        assert sum(line.startswith(f"warning in/{name}: ") for line in outcome.lines) >= 1
    assert sum(line.startswith("error nope.mp4 does not exist: ") for line in outcome.lines) == 1
    assert sum(line.startswith("error folder no videos has no video: ") for line in outcome.lines) == 1


def test_each_bad_file_is_in_the_list(outcome: Outcome, bad_inputs: Path) -> None:
    lines = (bad_inputs / "out" / "errors.jsonl").read_text().splitlines()
    entries = {entry["uri"]: entry for entry in map(json.loads, lines)}
    assert len(entries) == len(lines)
    assert entries.pop("nope.mp4")["error"] == "SourceNotFoundError"
    assert entries.pop("no videos")["error"] == "NoVideosFoundError"
    assert {uri: e["error"] for uri, e in entries.items()} == {f"in/{n}": kind for n, (kind, _) in BAD.items()}
    assert all(entry["message"] and entry["remedy"] for entry in entries.values())


def test_no_request_was_made(outcome: Outcome, requests_seen: tuple[str, list[str]]) -> None:
    assert requests_seen[1] == []


# A shell gives what it runs in the background an ignored SIGINT, and the tests may run there.
_INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from falvideo.cli.main import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_keeps_what_is_finished_and_leaves_nothing_half_written(tmp_path: Path, tiny_model: Path) -> None:
    grey_video(tmp_path / "a.mp4", [20] * 20)
    make_video(tmp_path / "b.mp4", frames=6000, rate=10, size=(32, 16))
    grey_video(tmp_path / "c.mp4", [20] * 20)
    arguments = ["label", ".", "-o", "out", "-m", str(tiny_model), "--progress", "json"]
    slow = ["--batch-size", "1", "--window", "0.4", "--stride", "0.1"]
    command = [sys.executable, "-c", _INTERRUPTIBLE, *arguments, *slow]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=surroundings()) as process:
        assert process.stderr is not None
        events = []
        for line in process.stderr:
            events.append(json.loads(line))
            if events[-1]["event"] == "progress" and events[-1]["uri"] == "./b.mp4":
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
        assert process.wait(timeout=60) == 130
    assert [e["uri"] for e in events if e["event"] == "finished"] == ["./a.mp4"]
    assert rest.splitlines()[-1] == "falvideo: interrupted; finished files are kept"
    assert "Traceback" not in rest
    assert "c.mp4" not in rest
    assert [p.name for p in (tmp_path / "out").rglob("*")] == ["a.mp4.json"]
    load_json((tmp_path / "out" / "a.mp4.json").read_text())


@pytest.mark.skipif(sys.platform == "win32", reason="a shell")
def test_a_reader_that_goes_away(tmp_path: Path, tiny_model: Path) -> None:
    for n in range(6):
        grey_video(tmp_path / f"{n}.mp4", [20] * 20)
    command = subprocess.list2cmdline([*COMMAND, "label", ".", "-m", str(tiny_model), "-q"])
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1; echo ${{PIPESTATUS[0]}}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=surroundings(),
    )
    first, code = done.stdout.splitlines()
    assert first.startswith("./0.mp4  0:02.0")
    assert (code, done.stderr) == ("141", "")


def test_closed_standard_output(tmp_path: Path) -> None:
    """``falvideo ... >&-``: nowhere to write, but no traceback."""
    command = f'"{sys.executable}" -m falvideo.cli.main models >&-'
    done = subprocess.run(command, shell=True, cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
