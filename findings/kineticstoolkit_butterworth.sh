#!/bin/sh
# kineticstoolkit 0.17.0 filters at another frequency than the one it is given: a 6 Hz low-pass is one of 4.8 Hz.
#
# kineticstoolkit 0.17.0, filters.butter of order 2, with filtfilt=True so that nothing lags behind: the filter runs forward and backward, and its
# cut-off is not corrected for that. At 6 Hz, where a Butterworth filter's amplitude is 0.71 by definition, half is left (0.50), at 4 Hz
# 0.84 in place of 0.91; 0.71 is left at 4.8 Hz.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Give it fc / 0.802 for two passes of order 2 (Winter's correction).
#
# Runs by itself: sh findings/kineticstoolkit_butterworth.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check kineticstoolkit==0.17.0 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
from importlib.metadata import version

import kineticstoolkit as ktk
import numpy as np

CUT_OFF_HZ = 6.0
times_s = np.arange(0, 20, 0.01)


def left(frequency_hz, cut_off_hz=CUT_OFF_HZ):
    """The share of a swing's amplitude that is left, away from the ends."""
    swing = ktk.TimeSeries(time=times_s, data={"angle": np.sin(2 * np.pi * frequency_hz * times_s)})
    return np.abs(ktk.filters.butter(swing, fc=cut_off_hz, order=2).data["angle"][500:1500]).max()


shares = {frequency: left(frequency) for frequency in (2.0, 4.0, 4.8, 6.0)}
for frequency, share in shares.items():
    single = 1 / np.sqrt(1 + (frequency / CUT_OFF_HZ) ** 4)
    print(f"kineticstoolkit {version('kineticstoolkit')}, {CUT_OFF_HZ} Hz: {share:.3f} left at {frequency} Hz, by definition {single:.3f}")
corrected = left(6.0, CUT_OFF_HZ / 0.802)
print(f"with {CUT_OFF_HZ / 0.802:.2f} Hz: {corrected:.3f} left at 6 Hz")
assert abs(shares[6.0] - 0.5) < 0.01 and abs(shares[4.0] - 0.837) < 0.01 and abs(shares[4.8] - 0.707) < 0.02
assert abs(corrected - 0.707) < 0.02
PYTHON
