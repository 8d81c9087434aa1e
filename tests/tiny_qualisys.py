"""A Qualisys calibration of cameras with easy numbers, for tests."""

from pathlib import Path

# Stands 3 m along x and 1 m up, looks along -x, upright: right is +y, up +z, backward +x.
CAMERA = """<camera serial="{serial}">
<fov_video left="10" top="20" right="1009" bottom="819"/>
<transform x="3000" y="0" z="1000" r11="0" r12="1" r13="0" r21="0" r22="0" r23="1" r31="1" r32="0" r33="0"/>
<intrinsic focalLengthU="64000" focalLengthV="70400" centerPointU="32640" centerPointV="26880" skew="0"
 radialDistortion1="0.1" radialDistortion2="0.2" radialDistortion3="0.3"
 tangentalDistortion1="0.01" tangentalDistortion2="0.02"/></camera>"""


def write_calibration(path: Path, *cameras: str) -> Path:
    """Write camera elements as a calibration file; gives its path."""
    path.write_text(f"<?xml version='1.0'?><calibration><cameras>{''.join(cameras)}</cameras></calibration>")
    return path
