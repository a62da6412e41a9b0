"""Files that are no videos, broken or hostile: one clear line each, nothing else opened, no waiting."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.media import (
    concat_script,
    fast_start,
    huge_size,
    make_audio,
    make_video,
    playlist,
    read_number,
    truncated,
)

from falvideo.errors import (
    FalError,
    NoFramesError,
    NotAVideoError,
    NoVideoStreamError,
    SourceError,
    SourceLimitError,
    SourceNotFoundError,
    SourceUnreadableError,
)
from falvideo.video import Limits, open_video, probe


def error_of(source: object, kind: type[FalError]) -> str:
    with pytest.raises(kind) as caught:
        probe(source)  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.remedy
    assert "Errno" not in text
    assert "Traceback" not in text
    return text


@pytest.fixture
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

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["a.m3u8", "a.mp4", "a.mov", "a.ts"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf", b"\n\n"])
def test_a_playlist_makes_no_request(
    tmp_path: Path, requests_seen: tuple[str, list[str]], name: str, bom: bytes
) -> None:
    address, seen = requests_seen
    path = playlist(tmp_path / name, f"{address}/secret.ts")
    path.write_bytes(bom + path.read_bytes())
    text = error_of(path, NotAVideoError)
    assert name in text
    assert seen == []


def test_ffmpeg_itself_makes_no_request_either(
    tmp_path: Path, requests_seen: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With our own look at the first bytes out of the way: the options alone must hold."""
    from falvideo.video import guard

    address, seen = requests_seen
    monkeypatch.setattr(guard, "_check_head", lambda *_: None)
    make_video(tmp_path / "neighbour.mp4", frames=3)
    for name in ("a.m3u8", "a.mp4"):
        error_of(playlist(tmp_path / name, f"{address}/secret.ts"), NotAVideoError)
        error_of(playlist(tmp_path / name, "neighbour.mp4"), NotAVideoError)
        error_of(concat_script(tmp_path / name, "neighbour.mp4"), NotAVideoError)
        error_of(concat_script(tmp_path / name, str(tmp_path / "neighbour.mp4")), NotAVideoError)
    session = "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5 RTP/AVP 96\n"
    (tmp_path / "a.sdp").write_text(session)
    error_of(tmp_path / "a.sdp", NotAVideoError)
    assert seen == []


def test_a_script_reads_no_neighbour(tmp_path: Path) -> None:
    make_video(tmp_path / "neighbour.mp4", frames=3)
    (tmp_path / "secret.txt").write_text("the secret\n" * 50)
    for name in ("a.mp4", "a.ffconcat"):
        for target in ("neighbour.mp4", "secret.txt"):
            assert "script" in error_of(concat_script(tmp_path / name, target), NotAVideoError)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"hello, this is not a video\n" * 20, "text file"),
        ("été\n".encode() * 2000, "text file"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n", "SDP"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 50, "picture"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x00" * 50, "picture"),
        (b"%PDF-1.7\n\x00\x01", "PDF"),
        (b"PK\x03\x04\x00\x00", "archive"),
        (bytes(range(256)) * 30, "not in a video format"),
        (b"\x00" * 5000, "not in a video format"),
        (b"\x00", "not in a video format"),
        (b"\x00\x00\x00\x20ftypisom" + b"\x00" * 40, "looks like MP4"),
        (b"\x1aE\xdf\xa3" + b"\x00" * 40, "looks like Matroska"),
        (b"GIF89a", ""),
    ],
)
def test_what_is_not_a_video(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    text = error_of(path, NotAVideoError)
    assert words in text
    assert str(path) in text


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/a.mp4", "https://example.invalid/a", "rtsp://h/x", "file:///etc/passwd"]
)
def test_addresses_are_refused(address: str) -> None:
    assert "download it first" in error_of(address, SourceError)


def test_names_that_ffmpeg_would_read_as_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    video = make_video(tmp_path / "real.mp4", frames=3)
    for name in (
        "concat:real.mp4",
        "file:real.mp4",
        "data:video",
        "subfile,,:x.mp4",
        "-",
        "-i",
        "pipe:0",
        "%d.mp4",
    ):
        error_of(name, SourceNotFoundError)
        (tmp_path / name).write_bytes(video.read_bytes())
        assert probe(name).frames == 3
        assert probe(name).uri == name


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    error_of(tmp_path / "none.mp4", SourceNotFoundError)
    error_of("", SourceNotFoundError)
    error_of("a\0b.mp4", SourceNotFoundError)
    error_of("x" * 5000, SourceNotFoundError)
    error_of(make_video(tmp_path / "a.mp4", frames=1) / "b.mp4", SourceNotFoundError)
    assert "folder" in error_of(tmp_path, NotAVideoError)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "link" in error_of(tmp_path / "loop", SourceUnreadableError)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    error_of(tmp_path / "dangling", SourceNotFoundError)


def test_a_link_to_a_video_is_fine(tmp_path: Path) -> None:
    make_video(tmp_path / "a.mp4", frames=3)
    (tmp_path / "b.mp4").symlink_to(tmp_path / "a.mp4")
    assert probe(tmp_path / "b.mp4").frames == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "pipe" in error_of(tmp_path / "pipe.mp4", NotAVideoError)
    for device in ("/dev/null", "/dev/zero"):
        if Path(device).exists():
            assert "device" in error_of(device, NotAVideoError)


def test_no_permission(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", frames=1)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "permission" in error_of(path, SourceUnreadableError)


def test_names_are_shown_on_one_line_and_printable(tmp_path: Path) -> None:
    text = error_of(tmp_path / "a\nb\x1b[31m\udcff.mp4", SourceNotFoundError)
    assert "\x1b" not in text
    text.encode("utf-8")


def test_sound_only_and_cover_only(tmp_path: Path) -> None:
    assert "sound" in error_of(make_audio(tmp_path / "a.m4a"), NoVideoStreamError)
    assert "cover" in error_of(make_audio(tmp_path / "b.m4a", cover=True), NoVideoStreamError)
    (tmp_path / "a.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\x00" * 40)
    assert "sound" in error_of(tmp_path / "a.wav", NoVideoStreamError)


def test_no_frames(tmp_path: Path) -> None:
    whole = fast_start(make_video(tmp_path / "a.mp4", frames=30), tmp_path / "b.mp4")
    data = whole.read_bytes()
    (tmp_path / "c.mp4").write_bytes(data[: data.index(b"mdat") + 8])
    assert "no frame" in error_of(tmp_path / "c.mp4", NoFramesError)


def test_an_mp4_cut_before_its_index(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "a.mp4", frames=30)
    assert "truncated" in error_of(truncated(whole, tmp_path / "b.mp4", 0.5), NotAVideoError)


def test_limits(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", frames=60, rate=10)
    for limits, words in (
        (Limits(max_pixels=96 * 64 - 1), "96x64"),
        (Limits(max_duration=5.0), "lasts 6 s"),
        (Limits(max_frames=59), "59 frames"),
        (Limits(max_decode_seconds=0.0), "decoding took"),
    ):
        with pytest.raises(SourceLimitError, match=words):
            open_video(path, limits=limits)
    exact = Limits(max_pixels=96 * 64, max_duration=6.0, max_frames=60)
    with open_video(path, limits=exact) as video:
        assert sum(len(b.times) for b in video.frames_at_rate(10, height=8, width=8)) == 60


def test_limits_hold_where_the_header_does_not_tell(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.ts", frames=60, rate=10, b_frames=0)
    for limits in (Limits(max_frames=30), Limits(max_duration=3.0)):
        with pytest.raises(SourceLimitError), open_video(path, limits=limits) as video:
            list(video.frames_at_rate(1, height=8, width=8))


def test_a_huge_declared_size_takes_no_memory(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for width, height in ((65000, 65000), (16000, 8000)):
        path = huge_size(tmp_path / "a.mkv", width, height)
        assert f"{width}x{height}" in error_of(path, SourceLimitError)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_nothing_is_printed(tmp_path: Path) -> None:
    """Not by FFmpeg either, which would write past Python's own streams."""
    whole = fast_start(make_video(tmp_path / "a.mp4", frames=60), tmp_path / "b.mp4")
    cut = truncated(whole, tmp_path / "c.mp4", 0.5)
    code = (
        "import sys\nfrom falvideo.video import open_video\n"
        "with open_video(sys.argv[1]) as v:\n"
        "    assert list(v.frames_at_rate(4, height=8, width=8)) and v.warnings\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(cut)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_files_are_let_go_of(tmp_path: Path) -> None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("this system does not list open files")
    good = make_video(tmp_path / "a.mp4", frames=3)
    bad = make_audio(tmp_path / "b.m4a")
    (tmp_path / "c.mp4").write_text("text")
    before = len(list(folder.iterdir()))
    for _ in range(3):
        probe(good)
        for path, kind in ((bad, NoVideoStreamError), (tmp_path / "c.mp4", NotAVideoError)):
            error_of(path, kind)
    assert len(list(folder.iterdir())) == before


ENCRYPTED = "mp4parse-rust/short-cenc.mp4"


@pytest.mark.videos
def test_encrypted_is_said(shared_videos: Path) -> None:
    assert "encrypted" in error_of(shared_videos / "varied" / ENCRYPTED, NoFramesError)


@pytest.mark.videos
def test_garbage_rotation_and_damage(shared_videos: Path) -> None:
    with open_video(shared_videos / "varied" / "mp4parse-rust" / "no_timescale.mp4") as video:
        assert video.info.rotation == 0
        frames = sum(len(b.times) for b in video.frames_at_rate(10, height=8, width=8))
        assert frames > 50
        assert len(video.warnings) >= 2


@pytest.mark.videos
def test_packed_b_frames_come_in_order(shared_videos: Path) -> None:
    folder = shared_videos / "varied" / "HMDB51_human_motion_recognition_pytorch"
    for path in sorted(folder.glob("*.avi")):
        with open_video(path) as video:
            list(video.frames_at_rate(1, height=8, width=8))
            assert not video.variable_rate
            assert video.warnings == []


def test_reading_numbers_is_trustworthy(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", frames=2, size=(640, 360))
    with open_video(path) as video:
        frames = video.get_frames_played_at([0.0, 0.04], height=16, width=16).frames
        assert [read_number(f) for f in frames] == [0, 1]
