"""Where landmarks are on their segments: forward, left and up in the segment's axes, in units of its length.

Made by ``python -m benchmarks.landmarks --write`` from the embedded data's bodies. Whose segment is which says
:mod:`pose3d.geometry.landmarks`; the right side mirrors the left.
"""

OFFSETS = {
    "nose": (0.5276, 0.0000, -0.4611),
    "upper_neck": (0.0260, 0.0000, -0.8565),
    "left_eye_inner": (0.3728, 0.0588, -0.3504),
    "left_eye": (0.3962, 0.1159, -0.3433),
    "left_eye_outer": (0.3672, 0.1755, -0.3512),
    "left_ear": (0.0408, 0.3179, -0.4814),
    "left_mouth": (0.4502, 0.1039, -0.6032),
    "left_pinky": (-0.1079, -0.0169, -0.4012),
    "left_index": (0.1718, -0.0082, -0.4366),
    "left_thumb": (0.2188, -0.0948, -0.1910),
    "left_heel": (-0.0932, 0.0059, -0.1326),
    "left_big_toe": (0.4567, -0.0092, -0.0848),
    "left_small_toe": (0.3507, 0.1366, -0.1086),
    "left_foot_index": (0.4509, 0.0428, -0.0957),
}
