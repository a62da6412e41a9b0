"""write_atomically: all of the data or none, and nothing left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from falvideo.errors import OutputError, OutputExistsError
from falvideo.exports import write_atomically

POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions and links")


@pytest.fixture
def folder(tmp_path):
    """A folder that must hold nothing hidden when the test is over."""
    yield tmp_path
    assert [path.name for path in tmp_path.rglob(".*")] == []


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def _failing(number):
    def fail(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return fail


@contextlib.contextmanager
def _umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", b""),
        ("a\nb\r\nc\r", b"a\nb\r\nc\r"),
        ("кошка 猫", "кошка 猫".encode()),
        (b"\x00\xff\r\n", b"\x00\xff\r\n"),
        ("x" * 3_000_000, b"x" * 3_000_000),
    ],
)
def test_writes_exactly(folder, data, expected, overwrite):
    write_atomically(folder / "out.json", data, overwrite=overwrite)
    assert (folder / "out.json").read_bytes() == expected


def test_takes_relative_paths_and_names_as_long_as_names_can_be(folder, monkeypatch):
    monkeypatch.chdir(folder)
    write_atomically(Path("a.json"), "1")
    write_atomically(Path("b" * 255), "2")
    assert _names(folder) == ["a.json", "b" * 255]


@POSIX
def test_a_name_that_is_no_text(folder):
    write_atomically(folder / os.fsdecode(b"\xff.json"), "1")
    assert (folder / os.fsdecode(b"\xff.json")).read_text() == "1"


def test_replaces_or_refuses(folder):
    path = folder / "out.json"
    path.write_text("old")
    with pytest.raises(OutputExistsError, match=r"out\.json already exists: add --overwrite"):
        write_atomically(path, "new", overwrite=False)
    assert path.read_text() == "old"
    write_atomically(path, "new")
    assert path.read_text() == "new"


def test_short_writes_are_continued(folder, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    write_atomically(folder / "out", b"0123456789" * 10)
    assert (folder / "out").read_bytes() == b"0123456789" * 10


# Permissions and links


@POSIX
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
@pytest.mark.parametrize("overwrite", [True, False])
def test_permissions_follow_the_umask(folder, mask, mode, overwrite):
    with _umask(mask):
        write_atomically(folder / "out", "x", overwrite=overwrite)
    assert stat.S_IMODE((folder / "out").stat().st_mode) == mode


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_replaced_file_keeps_its_permissions(folder, mode):
    path = folder / "out"
    path.write_text("old")
    path.chmod(mode)
    write_atomically(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


@POSIX
def test_symbolic_links_are_followed(folder):
    (folder / "real").mkdir()
    (folder / "real" / "file").write_text("old")
    (folder / "link").symlink_to("real/file")
    write_atomically(folder / "link", "new")
    assert (folder / "link").is_symlink() and (folder / "real" / "file").read_text() == "new"
    (folder / "dangling").symlink_to("real/other")
    with pytest.raises(OutputExistsError):
        write_atomically(folder / "dangling", "new", overwrite=False)
    write_atomically(folder / "dangling", "new")
    assert (folder / "real" / "other").read_text() == "new"


@POSIX
def test_devices_and_pipes_are_left_alone(folder):
    os.mkfifo(folder / "pipe")
    for path in (folder / "pipe", Path(os.devnull)):
        with pytest.raises(OutputError, match="it is a device or a pipe, not a file"):
            write_atomically(path, "x")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


# Failures


def test_reasons_by_the_real_file_system(folder):
    (folder / "file").write_text("x")
    (folder / "folder").mkdir()
    cases = {
        folder / "folder": "it is a folder",
        folder / "none" / "out": "its folder does not exist",
        folder / ("n" * 300): "the name is too long",
        folder / "nul\0": "null",
    }
    if os.name == "posix":
        cases[folder / "file" / "out"] = "a part of its path is not a folder"
        (folder / "loop").symlink_to("loop")
        cases[folder / "loop"] = "symbolic links go in a circle"
    for path, reason in cases.items():
        with pytest.raises(OutputError, match=reason) as caught:
            write_atomically(path, "x")
        assert "\n" not in str(caught.value) and path.name[:20].rstrip("\0") in str(caught.value)
    with pytest.raises(OutputError, match="lone surrogate"):
        write_atomically(folder / "out", "\udcff")
    with pytest.raises(OutputExistsError):
        write_atomically(folder / "folder", "x", overwrite=False)


def test_the_path_is_shown_on_one_line(folder):
    with pytest.raises(OutputError) as caught:
        write_atomically(folder / "a\nb\x1b\udcff" / "out", "x")
    assert r"a\nb\x1b\udcff" in caught.value.message and caught.value.message.isprintable()


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize(
    "failure",
    [
        ("open", errno.EACCES, "permission denied"),
        ("open", errno.EROFS, "the file system is read-only"),
        ("write", errno.ENOSPC, "the disk is full"),
        ("write", errno.EDQUOT, "quota"),
        ("write", errno.EIO, "input/output error"),
        ("fsync", errno.ENOSPC, "the disk is full"),
        ("write", errno.EXDEV, os.strerror(errno.EXDEV)),
    ],
)
def test_failures_leave_everything_as_it_was(folder, monkeypatch, existing, overwrite, failure):
    function, number, reason = failure
    path = folder / "out"
    if existing:
        path.write_text("old")
    kind, reason = (OutputExistsError, "already exists") if existing and not overwrite else (OutputError, reason)
    with monkeypatch.context() as patch:
        patch.setattr(os, function, _failing(number))
        with pytest.raises(kind, match=reason) as caught:
            write_atomically(path, "new", overwrite=overwrite)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert _names(folder) == (["out"] if existing else [])
    if existing:
        assert path.read_text() == "old"


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("function", ["write", "fsync", "replace", "link"])
def test_an_interrupt_cleans_up_and_goes_on(folder, monkeypatch, function, overwrite):
    path = folder / "out"
    if overwrite:
        path.write_text("old")

    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, function, interrupt)
        if function == "link" and overwrite:  # not called
            write_atomically(path, "old")
        elif function == "replace" and not overwrite:  # only where there are no hard links
            patch.setattr(os, "link", _failing(errno.EPERM))
            with pytest.raises(KeyboardInterrupt):
                write_atomically(path, "new", overwrite=False)
        else:
            with pytest.raises(KeyboardInterrupt):
                write_atomically(path, "new", overwrite=overwrite)
    assert _names(folder) == (["out"] if overwrite else [])
    if overwrite:
        assert path.read_text() == "old"


def test_an_interrupt_right_after_the_file_was_made(folder, monkeypatch):
    original = os.open

    def open_then_interrupt(*args, **kwargs):
        os.close(original(*args, **kwargs))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_then_interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(folder / "out", "x")
    assert _names(folder) == []


@POSIX
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_permission_denied_for_real(folder):
    folder.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="permission denied"):
            write_atomically(folder / "out", "x")
    finally:
        folder.chmod(0o700)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_disk_full_by_the_kernels_own_word(folder, monkeypatch):
    (folder / "out").write_text("old")
    write = os.write

    def write_to_full(_descriptor, data):
        with Path("/dev/full").open("wb", buffering=0) as full:
            return write(full.fileno(), data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_to_full)
        with pytest.raises(OutputError, match="the disk is full"):
            write_atomically(folder / "out", "new")
    assert (folder / "out").read_text() == "old"


_FILL = """
import os, sys
from pathlib import Path
from falvideo.errors import OutputError
from falvideo.exports import write_atomically
path = Path(sys.argv[1]) / "out"
write_atomically(path, "old")
try:
    write_atomically(path, b"x" * 1_000_000)
except OutputError as error:
    print(error)
print(os.listdir(sys.argv[1]), path.read_text())
"""


def _fill(command, folder):
    return subprocess.run(
        [*command, sys.executable, "-c", _FILL, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare (Linux)")
def test_disk_full_on_a_small_disk(folder):
    mount = 'mount -t tmpfs -o size=64k tmpfs "$4" || exit 77; exec "$@"'
    done = _fill(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"], folder)
    if done.returncode == 77 or (done.returncode != 0 and "unshare" in done.stderr):
        pytest.skip("not allowed to mount a small disk here")
    assert done.returncode == 0, done.stderr
    assert "out: the disk is full" in done.stdout and "['out'] old" in done.stdout


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit (Linux)")
def test_file_larger_than_allowed(folder):
    done = _fill(["prlimit", "--fsize=65536"], folder)
    assert done.returncode == 0, done.stderr
    assert "the file would be larger than is allowed here" in done.stdout and "['out'] old" in done.stdout


# Several writers at once


def _race(jobs):
    """Run all jobs at the same moment; what each raised, or None."""
    barrier = threading.Barrier(len(jobs))
    outcomes = [None] * len(jobs)

    def run(i):
        barrier.wait()
        try:
            jobs[i]()
        except OutputError as error:
            outcomes[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_concurrent_writers_and_a_reader_never_see_half(folder):
    path = folder / "out"
    whole = {bytes([65 + i]) * (50_000 + i) for i in range(6)}
    path.write_bytes(min(whole))
    seen = set()

    def write(data):
        return lambda: [write_atomically(path, data) for _ in range(5)]

    def read():
        seen.update(path.read_bytes() for _ in range(100))

    assert _race([*(write(data) for data in whole), read]) == [None] * 7
    assert seen <= whole and path.read_bytes() in whole


@pytest.mark.parametrize("links", [True, False])
def test_without_overwrite_exactly_one_wins(folder, monkeypatch, links):
    with monkeypatch.context() as patch:
        # Past the early look, so that all of them get to the decisive moment.
        patch.setattr(os.path, "lexists", lambda _path: False)
        if not links:
            patch.setattr(os, "link", _failing(errno.EPERM))
        for turn in range(5):
            path = folder / f"out{turn}"
            jobs = [lambda i=i, path=path: write_atomically(path, str(i), overwrite=False) for i in range(8)]
            outcomes = _race(jobs)
            winners = [i for i, outcome in enumerate(outcomes) if outcome is None]
            assert len(winners) == 1 and path.read_text() == str(winners[0])
            assert all(isinstance(one, OutputExistsError) for one in outcomes if one is not None)


def test_without_hard_links_a_failure_frees_the_name(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", _failing(errno.EPERM))
        patch.setattr(os, "replace", _failing(errno.EIO))
        with pytest.raises(OutputError, match="input/output"):
            write_atomically(folder / "out", "x", overwrite=False)
    assert _names(folder) == []
