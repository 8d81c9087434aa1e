#!/bin/sh
# OpenCV 5.0.0 squeezes pictures of which the codec's header cuts px off at the left, where it should leave these px out.
#
# opencv-python-headless 5.0.0.93, films made by the FFmpeg in the wheel of imageio-ffmpeg 0.8.1. One H.264 film of 640 px with vertical bars,
# twice more with a cropping window that leaves out 16 px at the left and at the right (frame_crop_left_offset, frame_crop_right_offset: as
# encoders and converters that cut without encoding anew write). FFmpeg's own program shows the other 624 columns as they are, in
# both. OpenCV does so where the right is cut; where the left is, it shows all 640 columns, scaled to 624: the bars move by up to 16 px, and no
# camera matrix fits them. The same at 64 px is exact, because decoders skip whole steps of 64.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Who gets such films: encode them anew with FFmpeg before anything is measured in them.
#
# Runs by itself: sh findings/opencv_left_crop.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 imageio-ffmpeg==0.8.1 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
import subprocess

import cv2
import imageio_ffmpeg
import numpy as np

ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
width, height, period = 640, 352, 40
bars = np.where(np.arange(width) // (period // 2) % 2, 200, 50).astype(np.uint8)
picture = np.broadcast_to(bars, (height, width)).tobytes()
encode = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}", "-r", "25", "-i", "-", "-pix_fmt", "yuv420p"]
subprocess.run([*ffmpeg, *encode, "-c:v", "libx264", "-crf", "10", "whole.mp4"], input=picture * 5, check=True)


def shown(film):
    """One row of grey as FFmpeg's program and as OpenCV have it."""
    raw = [*ffmpeg, "-i", film, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    theirs = np.frombuffer(subprocess.run(raw, capture_output=True, check=True).stdout, np.uint8)
    found, image = cv2.VideoCapture(film).read()
    assert found
    return theirs.reshape(height, -1)[height // 2], cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[height // 2]


def apart(row, columns):
    return float(np.abs(row.astype(int) - columns).mean())


print("OpenCV", cv2.__version__)
errors = {}
for side, cut in (("right", 16), ("left", 16), ("left", 64)):
    film = f"{side}{cut}.mp4"
    header = ["-bsf:v", f"h264_metadata=crop_{side}={cut}"]
    subprocess.run([*ffmpeg, "-i", "whole.mp4", "-c", "copy", *header, film], check=True)
    kept = bars[cut:] if side == "left" else bars[:-cut]
    ffmpegs, opencvs = shown(film)
    squeezed = cv2.resize(bars[None], (len(kept), 1), interpolation=cv2.INTER_CUBIC)[0]
    assert len(ffmpegs) == len(opencvs) == width - cut
    errors[side, cut] = apart(ffmpegs, kept), apart(opencvs, kept), apart(opencvs, squeezed)
    print(
        f"{cut} px cut at the {side}: mean difference of grey from the columns that are left: FFmpeg {errors[side, cut][0]:.1f}, "
        f"OpenCV {errors[side, cut][1]:.1f}; OpenCV's from all columns squeezed: {errors[side, cut][2]:.1f}"
    )
assert all(theirs < 8 for theirs, _, _ in errors.values())
assert errors["right", 16][1] < 8 and errors["left", 64][1] < 8
assert errors["left", 16][1] > 25 and errors["left", 16][2] < 8
PYTHON
