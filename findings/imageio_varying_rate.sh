#!/bin/sh
# imageio 2.38.1 gives a video of varying frame rate more pictures than the file holds, and counts those that it holds.
#
# imageio 2.38.1 with imageio-ffmpeg 0.8.1 (and the FFmpeg that is in its wheel). An MP4 of 50 pictures, 30 in a second, of which 10 were left
# out amid the film as phones and screen recorders do: OpenCV 5.0.0 reads 50, imageio's count_frames() says 50, and iterating over the
# same reader gives 62, 20 of them equal to the one before. From the gap on, the same number means another picture: keypoints of one
# reader, drawn on or triangulated with frames of the other, are 12 frames, 0.4 s, apart.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Who keeps results by frame number must read with one program, and by time at best.
#
# Runs by itself: sh findings/imageio_varying_rate.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check imageio==2.38.1 imageio-ffmpeg==0.8.1 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
import subprocess
from importlib.metadata import version

import cv2
import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np

film = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=30:duration=2", "-vf", "select='not(between(n,20,29))'"]
command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *film, "-fps_mode", "vfr", "-pix_fmt", "yuv420p"]
subprocess.run([*command, "-y", "film.mp4"], check=True)
video = cv2.VideoCapture("film.mp4")
by_opencv = []
while (found := video.read())[0]:
    by_opencv.append(cv2.cvtColor(found[1], cv2.COLOR_BGR2RGB))
reader = imageio.get_reader("film.mp4")
by_imageio = [picture for picture in reader]  # list() would ask for a length, which is infinite
repeated = sum(np.array_equal(first, second) for first, second in zip(by_imageio, by_imageio[1:]))
last = by_opencv[40].astype(int)
place = min(range(len(by_imageio)), key=lambda i: abs(by_imageio[i] - last).mean())
print(f"imageio {version('imageio')}: count_frames {reader.count_frames()}, {len(by_imageio)} pictures, {repeated} repeated")
print(f"OpenCV {cv2.__version__}: {len(by_opencv)} pictures; its picture 40 is number {place} of imageio")
assert len(by_opencv) == reader.count_frames() == 50
assert len(by_imageio) == 62 and repeated == 20
assert place == 52, place
PYTHON
