"""What arguments stand for, and where results go. The files need not be videos: only names count here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from falvideo.errors import FalError, NoVideosFoundError, SourceNotFoundError, SourceUnreadableError
from falvideo.exports import EXPORTS
from falvideo.labeling.sources import VIDEO_SUFFIXES, expand


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(*arguments: str, recursive: bool = False) -> dict[str, str]:
    """Where the results of each file go; there must be no error."""
    sources, errors = expand(arguments, recursive=recursive)
    assert errors == []
    return {source.uri: source.output.as_posix() for source in sources}


def error(*arguments: str, recursive: bool = False) -> FalError:
    sources, errors = expand(arguments, recursive=recursive)
    assert sources == []
    assert len(errors) == 1
    assert errors[0].remedy
    assert errors[0].uri == arguments[0]
    return errors[0]


def test_a_file_is_taken_whatever_it_is_called() -> None:
    touch("x.mp4", "d/notes.txt", "noext")
    assert found("x.mp4", "noext") == {"x.mp4": "x.mp4", "noext": "noext"}
    assert found("d/notes.txt") == {"d/notes.txt": "notes.txt"}
    assert found("./x.mp4", str(Path("x.mp4").resolve())) == {"./x.mp4": "x.mp4"}  # once, as first written


def test_a_folder_gives_its_videos_sorted_and_nothing_else() -> None:
    touch("f/b.mp4", "f/a.MOV", "f/notes.txt", "f/.hidden.mp4", "f/sub/c.mkv", "f/.git/d.mp4", "f/mp4")
    Path("f/folder.mp4").mkdir()
    assert found("f") == {"f/a.MOV": "a.MOV", "f/b.mp4": "b.mp4"}
    assert found("f/") == {"f/a.MOV": "a.MOV", "f/b.mp4": "b.mp4"}
    assert found("f", recursive=True) == {"f/a.MOV": "a.MOV", "f/b.mp4": "b.mp4", "f/sub/c.mkv": "sub/c.mkv"}
    assert list(found(".", recursive=True)) == ["./f/a.MOV", "./f/b.mp4", "./f/sub/c.mkv"]


@pytest.mark.parametrize("suffix", sorted(VIDEO_SUFFIXES))
def test_every_suffix_is_known_in_either_case(suffix: str) -> None:
    touch(f"f/a{suffix}", f"f/b{suffix.upper()}")
    assert len(found("f")) == 2


def test_results_mirror_what_the_sources_have_in_common() -> None:
    touch("in/a/x.mp4", "in/b/x.mp4", "in/a/x.mov")
    assert found("in/a/x.mp4", "in/b/x.mp4", "in/a/x.mov") == {
        "in/a/x.mp4": "a/x.mp4",
        "in/b/x.mp4": "b/x.mp4",
        "in/a/x.mov": "a/x.mov",
    }
    assert found("in/a", "in/b/x.mp4") == {"in/a/x.mov": "a/x.mov", "in/a/x.mp4": "a/x.mp4", "in/b/x.mp4": "b/x.mp4"}
    assert found("in", recursive=True)["in/b/x.mp4"] == "b/x.mp4"


def test_patterns() -> None:
    touch("p/a/x.mp4", "p/b/x.mp4", "p/b/c/y.mp4", "p/b/notes.txt")
    Path("p/empty.mp4").mkdir()
    assert found("p/*/x.mp4") == {"p/a/x.mp4": "a/x.mp4", "p/b/x.mp4": "b/x.mp4"}
    assert list(found("p/**/*.mp4")) == ["p/a/x.mp4", "p/b/c/y.mp4", "p/b/x.mp4"]
    assert list(found("p/[ab]/?.mp4")) == ["p/a/x.mp4", "p/b/x.mp4"]
    assert isinstance(error("p/*.avi"), NoVideosFoundError)


def test_a_file_that_is_there_wins_over_a_pattern() -> None:
    touch("clip [1].mp4", "clip 1.mp4", "what?.mp4")
    assert list(found("clip [1].mp4")) == ["clip [1].mp4"]
    assert list(found("what?.mp4")) == ["what?.mp4"]


@pytest.mark.parametrize(
    "name", ["with space.mp4", "日本.mp4", "-dash.mp4", "*.mp4", "a\nb.mp4", "a%b;c'.mp4", "é.mp4"]
)
def test_odd_names(name: str) -> None:
    touch(f"f/{name}")
    assert found("f") == {f"f/{name}": name}
    assert found(f"f/{name}") == {f"f/{name}": name}


def test_a_name_that_is_not_text() -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    try:
        touch(name)
    except OSError:
        pytest.skip("this file system takes text only")
    assert found(".") == {f"./{name}": name}


def test_links() -> None:
    touch("real/x.mp4")
    Path("real/loop").symlink_to(Path("real").resolve())
    Path("real/link.mp4").symlink_to("x.mp4")
    Path("real/broken.mp4").symlink_to("nowhere.mp4")
    Path("circle.mp4").symlink_to("circle.mp4")
    names = found("real", recursive=True)
    assert set(names.values()) == {"x.mp4", "link.mp4", "broken.mp4"}  # opening says what is wrong with the last
    assert list(found("circle.mp4")) == ["circle.mp4"]


def test_what_is_not_there() -> None:
    touch("f/notes.txt")
    assert isinstance(error("nope.mp4"), SourceNotFoundError)
    assert isinstance(error("f/notes.txt/x.mp4"), SourceNotFoundError)
    assert isinstance(error("nul\0.mp4"), SourceNotFoundError)
    assert isinstance(error("https://example.org/x.mp4"), SourceNotFoundError)
    assert "download" in error("https://example.org/x.mp4").remedy
    assert isinstance(error("x" * 5000), FalError)
    assert isinstance(error("f"), NoVideosFoundError)
    assert "--recursive" in error("f").remedy
    assert "--recursive" not in error("f", recursive=True).remedy


def test_an_empty_argument_is_not_the_current_folder() -> None:
    touch("x.mp4")
    assert isinstance(error(""), SourceNotFoundError)


def test_one_wrong_argument_does_not_stop_the_others() -> None:
    touch("f/x.mp4")
    sources, errors = expand(["nope", "f", "f/*.avi"])
    assert [source.uri for source in sources] == ["f/x.mp4"]
    assert [type(e) for e in errors] == [SourceNotFoundError, NoVideosFoundError]


def test_a_folder_that_may_not_be_entered_is_named_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    touch("f/x.mp4", "f/secret/y.mp4")
    scandir = os.scandir

    def guarded(path: str) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    sources, errors = expand(["f"], recursive=True)
    assert [source.uri for source in sources] == ["f/x.mp4"]
    assert isinstance(errors[0], SourceUnreadableError)
    assert errors[0].uri == os.path.join("f", "secret")
    assert isinstance(error(os.path.join("f", "secret")), SourceUnreadableError)


names = st.sampled_from(["a", "b", "x.mp4", "x.mov", "x.mp4.json", "..x.mp4", "-", "c d.mkv"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
arguments = st.sampled_from([".", "a", "b/", "./a/../b", "../base/a", "*/*", "**/*.mp4", "a/*/../../b/*", "*/../x.mp4"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(files=st.lists(paths, max_size=6), asked=st.lists(st.one_of(arguments, paths), max_size=4))
def test_results_never_collide_and_never_leave_the_output_folder(
    tmp_path_factory: pytest.TempPathFactory, files: list[str], asked: list[str]
) -> None:
    root = tmp_path_factory.mktemp("t") / "base"
    root.mkdir()
    os.chdir(root)
    for name in files:
        try:
            touch(name)
        except OSError:  # a file where another one needs a folder
            continue
    sources, _ = expand(asked, recursive=True)
    assert len({os.path.abspath(s.uri) for s in sources}) == len(sources)
    written = [s.output.parent / (s.output.name + e.suffix) for s in sources for e in EXPORTS.values()]
    assert len(set(written)) == len(written)
    for path in written:
        assert not path.is_absolute()
        assert ".." not in path.parts
