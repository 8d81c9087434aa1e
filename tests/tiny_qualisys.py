"""A Qualisys calibration of cameras with easy numbers, for tests."""

from pathlib import Path

from pose3d.geometry.camera import Camera

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


def element(camera: Camera) -> str:
    """A calibrated camera as an element."""
    (fx, _, cx), (_, fy, cy), _ = camera.intrinsics_px * 64
    k1, k2, p1, p2, k3 = camera.distortion
    x, y, z = camera.position_m * 1000
    right, down, forward = camera.rotation
    axes = " ".join(
        f'r{i}{j}="{value!r}"'
        for i, axis in enumerate((right, -down, -forward), start=1)
        for j, value in enumerate(axis.tolist(), start=1)
    )
    return (
        f'<camera serial="{camera.id}">'
        f'<fov_video left="0" top="0" right="{camera.width_px - 1}" bottom="{camera.height_px - 1}"/>'
        f'<transform x="{x}" y="{y}" z="{z}" {axes}/>'
        f'<intrinsic focalLengthU="{fx}" focalLengthV="{fy}" centerPointU="{cx - 32}" centerPointV="{cy - 32}" '
        f'skew="0" radialDistortion1="{k1}" radialDistortion2="{k2}" radialDistortion3="{k3}" '
        f'tangentalDistortion1="{p1}" tangentalDistortion2="{p2}"/></camera>'
    )
