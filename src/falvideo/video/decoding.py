"""One decoding pass over a video file with PyAV: frames with their times, in order, whatever the file is.

A damaged packet is left out and counted; a file that breaks off gives what comes before the break. What was
odd ends up in ``notes``, a line each.
"""

from __future__ import annotations

import os
from array import array
from collections import deque
from collections.abc import Generator, Iterator
from itertools import chain
from time import perf_counter
from typing import TypeAlias

import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from falvideo.errors import NoFramesError
from falvideo.video.guard import Limits
from falvideo.video.sampling import EPSILON, FrameClock, is_variable
from falvideo.video.skipping import Needed, Skipper
from falvideo.video.track import FFMPEG_ERRORS, Track, reason_of

VideoPacket: TypeAlias = "Packet[VideoStream]"
Notes: TypeAlias = dict[str, str]

_PREFIX_PACKETS = 256  # looked at to tell a variable rate ahead; about 10 s
_PREFIX_BYTES = 16 * 2**20
_MAX_REORDER = 16  # frames that may still be missing before the last one seen, in decoding order
_HELD_BYTES = 256 * 2**20  # packets since the last key frame, held while skipping to a start
_DEMUX_ERRORS = 50  # in a row, after which the rest of the file is given up
_LOOK_AHEAD = 24  # packets; more than frames are ever out of order (16 in H.264)
_DECODE_ERRORS = 1000  # the same; a few seconds of damage must not end a long video

# Where one packet is one frame and carries its exact time, so that counting packets counts frames.
_COUNTABLE_FORMATS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
_COUNTABLE_CODECS = ("h264", "hevc", "av1", "vp9")
# Where a picture that the bit stream marks as not referred to is so for certain (in HEVC it is not: the mark
# holds within one temporal layer), and where packets tell the times of the pictures left out.
_SKIPPABLE_CODEC = "h264"
# Demuxers that flag a packet as corrupt when the transport lost a bit of it; its decoder copes best itself.
_LOSSY_FORMATS = ("mpegts", "mpeg")


class Pass:
    """Frames from the beginning of a file, or from just before a start, once.

    Iterating gives ``(time in seconds, frame)``, ascending; only what the caller keeps stays in memory. After
    ``only``, frames that are not needed may be ``None``.

    Attributes:
        track: what is being read.
        clock: times of the frames given so far.
        first: the first frame.
        notes: what was odd so far, by kind.
        closed: whether the file was let go of.

    Raises:
        SourceError: at opening, also when not even the first frame can be decoded.
    """

    def __init__(self, source: str | os.PathLike[str], limits: Limits) -> None:
        """Open; ``begin`` or ``begin_before`` decodes the first frame."""
        self.track = Track(source, limits)
        self.clock = FrameClock(self.track.time_base, self.track.rate)
        self._limits = limits
        self.notes: Notes = {}
        self.closed = False
        self._origin: float | None = None
        self._demuxer = self._readable_packets()
        self._packets: Iterator[VideoPacket | None] = self._demuxer
        self._decoder: Generator[tuple[float, VideoFrame | None]] | None = None
        self._seconds = 0.0  # spent decoding
        self._damaged = 0
        self._near = ""
        self._decode_errors = 0  # in a row
        self._broken: tuple[str, int] | None = None  # the last damage: why, and at which packet
        self._read = 0  # packets
        self._sent = 0  # packets, to the decoder
        self._encrypted = False
        self._flushing = False  # whether the last packet was decoded
        self._frames: Iterator[tuple[float, VideoFrame | None]] = iter(())
        self._skipper: Skipper | None = None
        self._ahead: deque[VideoPacket | None] = deque()
        self._recent: deque[int] = deque(maxlen=_LOOK_AHEAD)
        self.first: VideoFrame

    def begin(self) -> None:
        """Decode the first frame."""
        self._decode_first(None)
        self._origin = self.clock.first_time

    def begin_before(self, start: float, first_time: float) -> bool:
        """Skip to the last key frame at or before ``start`` without decoding what comes before it.

        All packets are read from the beginning, so that times are those of a whole pass in every
        container (seeking makes some guess) and the packets skipped can be counted, which gives the frame
        numbers. Where packets are not exactly frames this cannot be done.

        Args:
            start: seconds.
            first_time: time of the file's first frame, seconds.

        Returns:
            whether it worked; if not, this pass is of no use.
        """
        track = self.track
        if track.format not in _COUNTABLE_FORMATS or track.codec not in _COUNTABLE_CODECS:
            return False
        self._origin = first_time
        target = int((start + EPSILON) / track.time_base)
        key, held, times = self._skip(target)
        if key is None or held is None:
            return False
        if key.pts is not None:
            before = np.array(times, dtype=np.int64)
            if len(np.unique(before)) < len(before):
                return False
            shown = before[(before >= int((first_time + EPSILON) / track.time_base)) & (before < key.pts)]
            self.clock.first_number = len(shown)
        self._packets = chain(held, self._packets)
        self._decode_first(key.pts)
        # A packet flagged as a key frame from which decoding cannot begin: be slow rather than wrong.
        return self.first.pts == key.pts and self.first.key_frame

    def _decode_first(self, first_pts: int | None) -> None:
        self._decoder = self._timed_frames(first_pts)
        first = next(self._decoder)  # never exhausted: without a frame it raises
        if first[1] is None:
            raise AssertionError("nothing is left out yet")
        self.first = first[1]
        self._frames = chain([first], self._decoder)

    def _skip(self, target: int) -> tuple[VideoPacket | None, list[VideoPacket | None] | None, array[int]]:
        """Read up to tick ``target``: the key frame packet to decode from, what follows it, all times."""
        key: VideoPacket | None = None
        held: list[VideoPacket | None] = []
        size = 0
        times: array[int] = array("q")
        for packet in self._packets:
            if packet is None:
                held.append(None)
                break
            if packet.pts is None:
                return None, None, times
            if not packet.is_discard:
                times.append(packet.pts)
                if packet.is_keyframe and packet.pts <= target:
                    key, held, size = packet, [], 0
            held.append(packet)
            size += packet.size
            if (packet.dts is not None and packet.dts > target) or size > _HELD_BYTES:
                break
        return key, held, times

    def variable_rate(self) -> bool | None:
        """Whether frames are unevenly spaced, by the first packets; ``None`` when they do not tell."""
        packets: deque[VideoPacket | None] = deque()
        size = 0
        for packet in self._packets:
            packets.append(packet)
            size += packet.size if packet is not None else 0
            if packet is None or len(packets) >= _PREFIX_PACKETS or size > _PREFIX_BYTES:
                break
        self._packets = chain(packets, self._packets)
        whole = bool(packets) and packets[-1] is None
        seen = [p for p in packets if p is not None and not p.is_discard]
        ticks = sorted(p.pts for p in seen if p.pts is not None)
        if not ticks:  # AVI; what decoding times do not show is a late frame
            ticks = [p.dts for p in seen if p.dts is not None]
        if not ticks or len(ticks) < len(seen):
            return None
        if not whole:
            ticks = ticks[:-_MAX_REORDER]
        base = float(self.track.time_base)
        if is_variable(np.array(ticks) * base, base):
            return True
        return False if whole else None

    def __iter__(self) -> Iterator[tuple[float, VideoFrame | None]]:
        """The frames not yet taken; raises ValueError when closed in between."""
        yield from self._frames
        if self.closed:
            raise ValueError("the video was closed or read anew while frames were still being taken")

    def close(self) -> None:
        """Let go of the file."""
        self.closed = True
        # The generators first: PyAV crashes when a closed container is asked for another packet.
        if self._decoder is not None:
            self._decoder.close()
        self._demuxer.close()
        self.track.close()

    def only(self, needed: Needed) -> None:
        """From here on decode only what is needed; other frames may come as ``None``, with their time."""
        if self.track.format in _COUNTABLE_FORMATS and self.track.codec == _SKIPPABLE_CODEC:
            self._skipper = Skipper(needed, self.clock.seconds)

    def _timed_frames(self, first_pts: int | None) -> Generator[tuple[float, VideoFrame | None]]:
        """Place each frame in time; those before ``first_pts`` are no part of the pass."""
        done = False
        while not done:
            began = perf_counter()
            packet = self._next_packet()
            done = self._flushing = packet is None
            frames = self._decode(packet)
            self._seconds += perf_counter() - began
            self._limits.check_decode_seconds(self.track.name, self._seconds)
            for frame in frames:
                if first_pts is not None and frame.pts is not None and frame.pts < first_pts:
                    continue
                if frame.pts is not None:
                    yield from self._left_out_before(frame.pts, first_pts)
                self._limits.check_pixels(self.track.name, frame.width, frame.height)
                time = self._place(frame.pts, frame.dts, frame.duration or 0)
                if time is not None:
                    yield time, frame
            done = done or self._decode_errors > _DECODE_ERRORS
        yield from self._left_out_before(None, first_pts)
        self._finish()

    def _left_out_before(self, pts: int | None, first_pts: int | None) -> Iterator[tuple[float, None]]:
        for ticks, duration in self._skipper.left_out_before(pts) if self._skipper is not None else ():
            if first_pts is None or ticks > first_pts:
                time = self._place(ticks, None, duration)
                if time is not None:
                    yield time, None

    def _next_packet(self) -> VideoPacket | None:
        """The next packet, having told the decoder whether its picture is needed."""
        ahead = self._ahead
        while self._skipper is not None and len(ahead) < _LOOK_AHEAD and (not ahead or ahead[-1] is not None):
            ahead.append(next(self._packets, None))
        packet = ahead.popleft() if ahead else next(self._packets, None)
        if self._skipper is None or packet is None:
            return packet
        skip = False
        # After damage everything is decoded: what hides it is made from the frames around it.
        if packet.pts is not None and not packet.is_discard and self._broken is None:
            self._recent.append(packet.pts)
            near = [p.pts for p in ahead if p is not None and p.pts is not None and not p.is_discard]
            skip = self._skipper.leave_out(packet.pts, packet.duration or 0, [*near, *self._recent])
        self.track.stream.codec_context.skip_frame = "NONREF" if skip else "DEFAULT"
        return packet

    def _place(self, pts: int | None, dts: int | None, duration: int) -> float | None:
        track, clock = self.track, self.clock
        time = clock.place(pts, dts, duration)
        if clock.missing and not self._flushing:  # the last frames of AVI come out without their time
            self.notes["missing"] = f"{_count(clock.missing, 'frame')} had no timestamp: it was guessed"
        if clock.backward:
            self.notes["backward"] = (
                f"{_count(clock.backward, 'frame')} left out: the timestamps go backwards or stand still"
            )
        self._limits.check_frames(track.name, clock.first_number + len(clock))
        if time is not None:
            self._limits.check_duration(track.name, time - (time if self._origin is None else self._origin))
        return time

    def _decode(self, packet: VideoPacket | None) -> list[VideoFrame]:
        """The frames that a packet completes, which may be none; ``None`` asks for the last ones."""
        self._sent += 1
        try:
            frames = decode(self.track, packet)
        except FFMPEG_ERRORS as error:
            self._decode_errors += 1
            self._break(reason_of(error), self._sent)
            if packet is not None:
                self._leave_out(packet.pts)
            return []
        if frames:
            self._decode_errors = 0
        return frames

    def _readable_packets(self) -> Generator[VideoPacket | None]:
        """Packets that are worth decoding, then ``None``."""
        lossy = self.track.format in _LOSSY_FORMATS
        for packet in self._all_packets():
            self._read += 1
            if packet.size == 0:
                continue  # "nothing new" in AVI; decoders take it for the end of the video
            if packet.has_sidedata("encryption_info"):
                self._encrypted = True  # would decode to noise, if at all
                self.notes["encrypted"] = "encrypted parts were left out"
                continue
            if packet.is_corrupt and not lossy:
                self._break("incomplete packet", self._read)
                self._leave_out(packet.pts)
                continue
            yield packet
        yield None

    def _all_packets(self) -> Iterator[VideoPacket]:
        """Packets of the video stream, on past errors as long as there are others."""
        errors = 0
        while errors <= _DEMUX_ERRORS:
            try:
                for packet in self.track.container.demux(self.track.stream):
                    if packet.dts is None and packet.pts is None and packet.size == 0:
                        return  # how PyAV marks the end
                    errors = 0
                    yield packet
            except FFMPEG_ERRORS as error:
                errors += 1
                self._break(reason_of(error), self._read)
            else:
                return

    def _break(self, reason: str, packet: int) -> None:
        self._broken = reason, packet

    def _leave_out(self, pts: int | None) -> None:
        self._damaged += 1
        if self._damaged == 1:
            near = "" if pts is None else f", the first near {float(pts * self.track.time_base):.1f} s"
            self._near = near
        self.notes["damaged"] = f"{_count(self._damaged, 'damaged packet')} left out{self._near}"

    def _finish(self) -> None:
        """The end is reached: check that it is one."""
        track, clock = self.track, self.clock
        if not len(clock):
            if self._encrypted:
                raise NoFramesError(f"{track.name}: the video is encrypted", remedy="decrypt it first", uri=track.uri)
            why = f" ({self._broken[0]})" if self._broken else ""
            if not track.stream.codec_context.width:  # what FFmpeg makes of one over the cap, too
                why = f" (no picture size, or one over the limit of {self._limits.max_pixels} pixels)"
            raise NoFramesError(f"{track.name}: no frame can be decoded{why}", uri=track.uri)
        clock.complete = True
        origin = clock.first_time if self._origin is None else self._origin
        self._limits.check_duration(track.name, clock.end_time - origin)
        text = self._cut_short(clock.end_time, origin)
        if text is not None:
            self.notes["truncated"] = text

    def _cut_short(self, end: float, origin: float) -> str | None:
        """What to say when less was read than the file declares."""
        declared, of_video = self.track.duration
        read = end - origin
        # Frames in the decoder still come out after the damage that ends a file.
        broken = self._broken is not None and self._read - self._broken[1] <= 2 * _MAX_REORDER
        if declared is None:
            if not broken:
                return None
            return f"only the first {read:.1f} s could be read: the file is truncated or damaged after that"
        # Matroska counts its duration from 0 rather than from the first frame.
        short = declared - (read if self.track.format.startswith("mov") else max(read, end))
        frame = float(1 / self.track.rate) if self.track.rate else 0.0
        if of_video and short > (1.5 * frame if broken else max(1.0, 2 * frame)):
            return (
                f"only the first {read:.1f} s of {declared:.1f} s could be read: "
                "the file is truncated or damaged after that"
            )
        if not of_video and short > max(2.0, 0.05 * declared):
            return f"the picture ends at {read:.1f} s of {declared:.1f} s declared: it may be truncated"
        return None


def decode(track: Track, packet: VideoPacket | None) -> list[VideoFrame]:
    """Decode one packet, or with ``None`` what is left; apart, so that tests can count what is decoded."""
    return track.stream.codec_context.decode(packet)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
