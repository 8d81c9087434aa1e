"""Video files of VP8 in WebM, which every browser plays.

OpenCV's packages encode VP8, VP9 and what browsers do not play. VP9 takes many times as long, because its effort cannot
be set. Of the WebM files that OpenCV writes no two are the same, because tracks get random numbers, so its packets are
put into one here.

References:
    EBML: RFC 8794. Matroska, of which WebM is a part: RFC 9559.
    VP8: RFC 6386, section 9.1.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output, video_path

_MAX_UNITS_MS = 2**15 - 1
"""A packet's time in its cluster is a signed 16-bit number."""


def write_webm(path: str | os.PathLike, frames_bgr: Iterable[np.ndarray], fps: float) -> None:
    """Write (H, W, 3) BGR frames of one size as a video, atomically; of odd sides the last row or column is lost.

    Rate and effort are OpenCV's. Two runs of one OpenCV build give the same bytes, on one core as on two.

    Args:
        path: of the new file.
        frames_bgr: T images, uint8.
        fps: frames per second.

    Raises:
        InputError: it could not be written whole; OpenCV reports no write error, so packets are counted afterwards.
        RuntimeError: this build of OpenCV cannot encode it.
        ValueError: no frames.
    """
    writer, written, size = None, 0, (0, 0)
    with atomic_output(path) as partial:
        encoded = partial.with_name(f"{partial.name}.avi")  # FFmpeg tells the container from the suffix
        try:
            for frame in frames_bgr:
                if writer is None:
                    size = (frame.shape[1] // 2 * 2, frame.shape[0] // 2 * 2)
                    writer = cv2.VideoWriter(video_path(encoded), cv2.VideoWriter.fourcc(*"VP80"), fps, size)
                    if not writer.isOpened():
                        raise RuntimeError("this build of OpenCV cannot write VP8 video")
                writer.write(frame[: size[1], : size[0]])
                written += 1
            if writer is None:
                raise ValueError(f"{path}: no frames to write")
            writer.release()
            with open(partial, "wb") as file:
                if _write_container(file, _packets(encoded), size, fps) != written:
                    raise InputError(f"{path} could not be written whole: free space on the disk and run again")
        finally:
            encoded.unlink(missing_ok=True)


def _packets(path: Path) -> Iterator[bytes]:
    video = cv2.VideoCapture(video_path(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])  # -1: as they are in the file
    try:
        while video.isOpened():
            read, packet = video.read()
            if not read:
                return
            yield packet.tobytes()
    finally:
        video.release()


def _element(name: int, *content: bytes) -> bytes:
    """An EBML element: its name, the size of its content in eight bytes, its content."""
    body = b"".join(content)
    return name.to_bytes((name.bit_length() + 7) // 8) + (2**56 + len(body)).to_bytes(8) + body


def _number(name: int, value: int) -> bytes:
    return _element(name, value.to_bytes(8))


def _write_container(file: BinaryIO, packets: Iterable[bytes], size_px: tuple[int, int], fps: float) -> int:
    """Write the WebM file around the packets, one a frame; gives how many there were."""
    file.write(
        _element(
            0x1A45DFA3,  # EBML
            _number(0x4286, 1),  # EBMLVersion
            _number(0x42F7, 1),  # EBMLReadVersion
            _number(0x42F2, 4),  # EBMLMaxIDLength
            _number(0x42F3, 8),  # EBMLMaxSizeLength
            _element(0x4282, b"webm"),  # DocType
            _number(0x4287, 2),  # DocTypeVersion
            _number(0x4285, 2),  # DocTypeReadVersion
        )
    )
    segment = file.tell()
    # What stands before the clusters has one length whatever is in it, so it is written again once all is known.
    file.write(_beginning(size_px, fps, 0, 0, 0))
    start = segment + 12  # of the segment's content, from which positions count

    cues: list[bytes] = []
    cluster: list[bytes] = []
    cluster_ms, n_frames = 0, 0

    def end_cluster() -> None:
        if cluster:
            place = _element(0xB7, _number(0xF7, 1), _number(0xF1, file.tell() - start))  # CueTrack, CueClusterPosition
            cues.append(_element(0xBB, _number(0xB3, cluster_ms), place))  # CuePoint: CueTime, CueTrackPositions
            file.write(_element(0x1F43B675, _number(0xE7, cluster_ms), *cluster))  # Cluster: Timestamp, blocks
            cluster.clear()

    for packet in packets:
        time_ms = round(1000 * n_frames / fps)
        is_key = not packet[0] & 1
        if is_key or time_ms - cluster_ms > _MAX_UNITS_MS:
            end_cluster()
            cluster_ms = time_ms
        head = struct.pack(">BhB", 0x80 | 1, time_ms - cluster_ms, 0x80 if is_key else 0)  # of track 1
        cluster.append(_element(0xA3, head, packet))  # SimpleBlock
        n_frames += 1
    end_cluster()
    cues_at = file.tell() - start
    file.write(_element(0x1C53BB6B, *cues))
    length = file.tell() - start
    file.seek(segment)
    file.write(_beginning(size_px, fps, n_frames, cues_at, length))
    return n_frames


def _beginning(size_px: tuple[int, int], fps: float, n_frames: int, cues_at: int, length: int) -> bytes:
    """The segment up to its clusters: where the cues are, what kind of file it is, its one track."""
    content = (
        _element(
            0x114D9B74,  # SeekHead
            _element(0x4DBB, _element(0x53AB, bytes.fromhex("1C53BB6B")), _number(0x53AC, cues_at)),
        ),
        _element(
            0x1549A966,  # Info
            _number(0x2AD7B1, 1_000_000),  # TimestampScale: times are in ms
            _element(0x4489, struct.pack(">d", 1000 * n_frames / fps)),  # Duration
            _element(0x4D80, b"pose3d"),  # MuxingApp
            _element(0x5741, b"pose3d"),  # WritingApp
        ),
        _element(
            0x1654AE6B,  # Tracks
            _element(
                0xAE,  # TrackEntry
                _number(0xD7, 1),  # TrackNumber
                _number(0x73C5, 1),  # TrackUID
                _number(0x83, 1),  # TrackType: video
                _number(0x9C, 0),  # FlagLacing
                _element(0x86, b"V_VP8"),  # CodecID
                _number(0x23E383, round(1e9 / fps)),  # DefaultDuration, ns
                _element(0xE0, _number(0xB0, size_px[0]), _number(0xBA, size_px[1])),  # Video: PixelWidth, PixelHeight
            ),
        ),
    )
    return bytes.fromhex("18538067") + (2**56 + length).to_bytes(8) + b"".join(content)
