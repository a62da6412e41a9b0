"""``falvideo label`` in this process, with a model whose answers are known."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import sys
from pathlib import Path

import pytest
from tests.cli.running import Run
from tests.labeling.fakes import BrightnessModel, grey_video

from falvideo.errors import OutputError
from falvideo.exports import load_json
from falvideo.labeling import batch
from falvideo.video.pyav import PyAVReader


@pytest.fixture
def tree(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three clips whose names collide where only one part of them is looked at."""
    for name in ("in/a/x.mp4", "in/b/x.mp4", "in/a/x.mov"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(clip)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_table_without_o(run: Run, clip: Path, model: BrightnessModel) -> None:
    outcome = run("label", clip)
    assert outcome.code == 0
    assert outcome.err == ""
    lines = outcome.out.splitlines()
    assert lines[1].startswith("the clip  ")
    assert "0:00.0  0:02.0  a  dark      88%" in lines
    assert "0:02.0  0:04.0  b  bright    86%" in lines
    assert "labelled by brightness" in lines


def test_several_tables(run: Run, tree: Path, model: BrightnessModel) -> None:
    outcome = run("label", "in", "-r")
    assert outcome.code == 0
    assert [table.splitlines()[0].split()[0] for table in outcome.out.split("\n\n")] == [
        "in/a/x.mov",
        "in/a/x.mp4",
        "in/b/x.mp4",
    ]
    assert len(outcome.lines) == 1  # the tables say the rest


def test_o_mirrors_the_tree(run: Run, tree: Path, model: BrightnessModel) -> None:
    outcome = run("label", "in", "-r", "-o", "out", "-f", "JSON, csv,json")
    assert outcome.code == 0
    assert outcome.out == ""
    names = ["a/x.mov", "a/x.mp4", "b/x.mp4"]
    assert files_in(tree / "out") == sorted(f"{n}.{f}" for n in names for f in ("json", "csv"))
    result = load_json((tree / "out/a/x.mov.json").read_text())
    assert result.source.uri == "in/a/x.mov"
    assert result.segments[-1].end == 4.0
    assert outcome.lines[0].startswith("1/3 in/a/x.mov: ")
    assert outcome.lines[-1].startswith("3 of 3 labelled: 0:12.0 of video in ")


def test_without_recursive_the_subfolders_are_left_alone(run: Run, tree: Path, model: BrightnessModel) -> None:
    outcome = run("label", "in", "-o", "out")
    assert outcome.code == 1
    assert outcome.lines == ["error folder in has no video: add --recursive to look into subfolders, or name the files"]


def test_results_that_are_there_are_not_replaced_and_not_decoded_for(
    run: Run, tree: Path, model: BrightnessModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("label", "in/a", "-o", "out").code == 0
    before = (tree / "out/x.mp4.json").read_bytes()
    opened: list[object] = []
    original = PyAVReader.__init__
    monkeypatch.setattr(PyAVReader, "__init__", lambda self, *a: (opened.append(a[0]), original(self, *a))[1])
    (tree / "out/x.mp4.json").write_bytes(b"mine")
    (tree / "out/x.mov.json").unlink()
    outcome = run("label", "in/a", "-o", "out")
    assert outcome.code == 1
    assert opened == ["in/a/x.mov"]
    assert (tree / "out/x.mp4.json").read_bytes() == b"mine"
    assert any("x.mp4.json is already there: add --overwrite to replace it" in line for line in outcome.lines)
    (entry,) = map(json.loads, (tree / "out" / batch.ERRORS_FILE).read_text().splitlines())
    assert (entry["uri"], entry["error"]) == ("in/a/x.mp4", "OutputExistsError")
    outcome = run("label", "in/a", "-o", "out", "--overwrite")
    assert outcome.code == 0
    assert (tree / "out/x.mp4.json").read_bytes() == before
    assert files_in(tree / "out") == ["x.mov.json", "x.mp4.json"]  # and the list of errors has gone


def test_standard_output_for_one_video_is_the_document(run: Run, clip: Path, model: BrightnessModel) -> None:
    assert load_json(run("label", clip, "-o", "-").out).source.uri == str(clip)
    assert run("label", clip, "-o", "-", "-f", "vtt").out.startswith("WEBVTT\n")
    assert run("label", clip, "-o", "-", "-f", "srt").out.startswith("1\r\n00:00:00,000 --> ")


def test_standard_output_for_several_videos(run: Run, tree: Path, model: BrightnessModel) -> None:
    outcome = run("label", "in", "-r", "-o", "-")
    assert outcome.code == 0
    assert [json.loads(line)["source"]["uri"] for line in outcome.out.splitlines()] == [
        "in/a/x.mov",
        "in/a/x.mp4",
        "in/b/x.mp4",
    ]
    rows = list(csv.reader(io.StringIO(run("label", "in", "-r", "-o", "-", "-f", "csv").out, newline="")))
    assert len(rows) == 1 + 3 * 2
    assert rows[0] not in rows[1:]
    for format in ("vtt", "srt"):
        outcome = run("label", "in", "-r", "-o", "-", "-f", format)
        assert (outcome.code, outcome.out) == (2, "")
        assert "there are 3: use -o DIR" in outcome.err


def test_one_bad_file_among_several_on_standard_output(run: Run, tree: Path, model: BrightnessModel) -> None:
    (tree / "in/a/w.mp4").write_text("not a video")
    outcome = run("label", "in", "-r", "-o", "-", "-q")
    assert outcome.code == 1
    assert len(outcome.out.splitlines()) == 3
    assert outcome.lines == [f"error {line.removeprefix('error ')}" for line in outcome.lines]
    assert len(outcome.lines) == 1
    assert "in/a/w.mp4" in outcome.err


def test_progress_as_json(run: Run, tree: Path, model: BrightnessModel) -> None:
    (tree / "in/a/w.mp4").write_text("not a video")
    outcome = run("label", "in", "nope.mp4", "-r", "-o", "out", "--progress", "json")
    assert outcome.code == 1
    events = [json.loads(line) for line in outcome.lines]
    assert [e["event"] for e in events] == ["error", "failed", "error", "finished", "finished", "finished", "end"]
    assert events[-1]["files"] == 5
    assert events[-1]["failed"] == 2
    assert run("label", "in/a/x.mp4", "-o", "out2", "--progress", "none").err == ""


def test_errors_are_listed_in_the_folder(run: Run, tree: Path, model: BrightnessModel) -> None:
    (tree / "in/a/w.mp4").write_text("not a video")
    outcome = run("label", "in", "nope.mp4", "-r", "-o", "out")
    assert outcome.code == 1
    assert "2 failed" in outcome.lines[-1]
    entries = [json.loads(line) for line in (tree / "out" / batch.ERRORS_FILE).read_text().splitlines()]
    assert [(e["uri"], e["error"]) for e in entries] == [
        ("nope.mp4", "SourceNotFoundError"),
        ("in/a/w.mp4", "NotAVideoError"),
    ]
    for entry in entries:
        assert set(entry) == {"uri", "error", "message", "remedy"}
        assert entry["uri"] in entry["message"]
        assert entry["remedy"]
        assert f"error {entry['message']}: {entry['remedy']}" in outcome.lines
    assert not (tree / "out/a/w.mp4.json").exists()


def test_start_past_the_end(run: Run, clip: Path, model: BrightnessModel) -> None:
    outcome = run("label", clip, "--start", "1:00")
    assert outcome.code == 1
    (line,) = outcome.lines
    assert "clip.mp4" in line
    assert "0.000 s to 4.000 s" in line


def test_a_part(run: Run, clip: Path, model: BrightnessModel) -> None:
    result = load_json(run("label", clip, "--start", "0:02", "--end", "00:00:03.5", "-o", "-").out)
    assert (result.segments[0].start, result.segments[-1].end) == (2.0, 3.5)


def test_a_fault_of_ours_in_one_file_does_not_end_the_run(
    run: Run, tree: Path, model: BrightnessModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def fail_first(_: object) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("first\nsecond line")

    model.on_scores = fail_first
    outcome = run("label", "in", "-r", "-o", "out")
    assert outcome.code == 1
    assert "error in/a/x.mov: unexpected RuntimeError (first second line): please report this" in outcome.err
    assert files_in(tree / "out") == ["a/x.mp4.json", "b/x.mp4.json", batch.ERRORS_FILE]


def test_memory_that_runs_out(run: Run, clip: Path, model: BrightnessModel) -> None:
    def too_much(_: object) -> None:
        raise MemoryError

    model.on_scores = too_much
    outcome = run("label", clip)
    assert (outcome.code, outcome.err) == (1, f"error {clip}: memory ran out: give a smaller --batch-size\n")


def test_an_output_path_that_is_a_file(run: Run, tree: Path, model: BrightnessModel) -> None:
    (tree / "out").write_text("mine")
    outcome = run("label", "in", "-r", "-o", "out")
    assert (outcome.code, outcome.err) == (2, "falvideo: -o out is a file: give a folder\n")
    outcome = run("label", "in", "-r", "-o", "out/below")
    assert outcome.code == 1
    assert outcome.err.startswith("falvideo: folder out/below cannot be made (Not a directory): ")
    assert (tree / "out").read_text() == "mine"


def test_an_output_folder_without_permission(
    run: Run, tree: Path, model: BrightnessModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "out").mkdir(mode=0o555)
    if os.access(tree / "out", os.W_OK):  # root may
        monkeypatch.setattr(os, "access", lambda *_: False)
    outcome = run("label", "in", "-r", "-o", "out")
    assert outcome.code == 1
    assert outcome.lines == ["falvideo: folder out is not writable: check the folder's permissions and free space"]
    assert model.batches == []


def test_a_disk_that_fills_up(run: Run, tree: Path, model: BrightnessModel, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = os.write, []

    def full(descriptor: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) == 2:  # the second file
            write(descriptor, data[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    outcome = run("label", "in", "-r", "-o", "out")
    assert outcome.code == 1
    assert "a/x.mp4.json: the disk is full: free some space" in outcome.err
    assert files_in(tree / "out") == ["a/x.mov.json", "b/x.mp4.json", batch.ERRORS_FILE]
    (entry,) = map(json.loads, (tree / "out" / batch.ERRORS_FILE).read_text().splitlines())
    assert (entry["uri"], entry["error"]) == ("in/a/x.mp4", "OutputError")


def test_a_list_of_errors_that_cannot_be_written_is_said_once(
    run: Run, tree: Path, model: BrightnessModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: batch.ErrorLog, failure: batch.Failure) -> None:
        raise OutputError("out/errors.jsonl cannot be written (No space left on device)")

    monkeypatch.setattr(batch.ErrorLog, "add", full)
    outcome = run("label", "nope.mp4", "nope.mkv", "-o", "out")
    assert outcome.code == 1
    assert sum("errors.jsonl" in line for line in outcome.lines) == 1
    assert sum("does not exist" in line for line in outcome.lines) == 2


class _Refusing(io.RawIOBase):
    def __init__(self, code: int) -> None:
        self._code = code

    def writable(self) -> bool:
        return True

    def write(self, _: object) -> int:
        raise OSError(self._code, os.strerror(self._code))


@pytest.mark.parametrize("arguments", [[], ["-o", "-"]])
@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 1), (errno.EPIPE, 141)])
def test_standard_output_that_cannot_be_written(
    run: Run,
    clip: Path,
    model: BrightnessModel,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    number: int,
    code: int,
) -> None:
    raw = _Refusing(number)
    stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    outcome = run("label", clip, *arguments)
    raw._code = 0
    raw.write = len  # type: ignore[assignment, method-assign, arg-type]
    assert outcome.code == code
    if number == errno.EPIPE:
        assert outcome.err == ""
    else:
        assert outcome.err.startswith("falvideo: standard output cannot be written (No space left on device): free")


def test_names_and_labels_from_strangers_stay_on_their_line(
    run: Run, tmp_path: Path, model: BrightnessModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "-a\nb\x1b[2J [red]é*.mp4"
    grey_video(tmp_path / "plain.mp4", [20] * 10).rename(tmp_path / name)
    Path("bad\n.mp4").write_text("no video")
    outcome = run("label", "--", name, "bad\n.mp4")
    assert outcome.code == 1
    assert "\x1b" not in outcome.out + outcome.err
    assert "-a\\nb\\x1b[2J [red]é*.mp4" in outcome.out
    assert [line.split()[0] for line in outcome.lines] == ["error", "1"]
    assert run("label", "-o", "out", "--", name).code == 0
    assert files_in(tmp_path / "out") == [f"{name}.json"]


def test_all_that_is_wrong_with_no_file_left(run: Run, tmp_path: Path) -> None:
    outcome = run("label", tmp_path, tmp_path / "nope.mp4")
    assert outcome.code == 1
    assert len(outcome.lines) == 3
    assert outcome.lines[-1].startswith("0 of 2 labelled, 2 failed")


def test_a_usage_error_leaves_the_list_of_errors_alone(run: Run, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "errors.jsonl").write_text('{"uri": "of an earlier run"}\n')
    assert run("label", clip, "-o", out, "-m", "no-such-model").code == 2
    assert "earlier" in (out / "errors.jsonl").read_text()


def test_f_can_be_given_twice(run: Run, clip: Path, tmp_path: Path, model: BrightnessModel) -> None:
    assert run("label", clip, "-o", tmp_path / "out", "-f", "json", "-f", "vtt,csv").code == 0
    assert {p.suffix for p in (tmp_path / "out").iterdir()} == {".json", ".vtt", ".csv"}


def test_an_unwritable_folder_within_the_output(
    run: Run, tree: Path, model: BrightnessModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found before the file is decoded; the others go on. Simulated: root may write everywhere."""
    (tree / "out" / "a").mkdir(parents=True)
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "a" and allowed(path, mode))
    outcome = run("label", "in", "-r", "-o", "out")
    assert outcome.code == 1
    failures = [json.loads(line) for line in (tree / "out" / "errors.jsonl").read_text().splitlines()]
    assert {f["error"] for f in failures} == {"OutputError"}
    assert all("out/a is not writable" in f["message"] and f["remedy"] for f in failures)
    assert files_in(tree / "out") == ["b/x.mp4.json", "errors.jsonl"]


def test_a_result_name_that_is_too_long(run: Run, clip: Path, tmp_path: Path, model: BrightnessModel) -> None:
    source = tmp_path / ("n" * 249 + ".mp4")
    source.symlink_to(clip)
    outcome = run("label", source, "-o", tmp_path / "out")
    assert outcome.code == 1
    assert "unexpected" not in outcome.err


def test_all_formats_of_a_video_or_none(
    run: Run, clip: Path, tmp_path: Path, model: BrightnessModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between two formats."""
    from falvideo.labeling import result

    write = result.write_atomically

    def interrupted(path: Path, text: str, *, overwrite: bool) -> None:
        if path.suffix == ".vtt":
            raise KeyboardInterrupt
        write(path, text, overwrite=overwrite)

    monkeypatch.setattr(result, "write_atomically", interrupted)
    assert run("label", clip, "-o", tmp_path / "out", "-f", "json,csv,vtt").code == 130
    assert files_in(tmp_path / "out") == []


@pytest.mark.parametrize("option", [("--window", "1e-9"), ("--window", "0.001")])
def test_a_window_too_short_to_be_meant(run: Run, clip: Path, model: BrightnessModel, option: tuple[str, str]) -> None:
    outcome = run("label", clip, *option)
    assert outcome.code == 2
    assert "frames a second" in outcome.err
    assert "use at least" in outcome.err
