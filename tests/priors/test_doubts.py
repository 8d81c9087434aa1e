"""What a body's legs and stretch say against a unit and a vertical; nothing of those who may well be so."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_mocap import CMU, climb_motion, named

from pose3d.priors.doubts import doubt_legs, doubt_level

MOTION = named(climb_motion(5), CMU)  # legs of 0.8 m
Z_UP = replace(MOTION, positions_m=MOTION.positions_m[..., [2, 0, 1]])


def scaled(factor):
    return replace(MOTION, positions_m=MOTION.positions_m * factor)


def test_the_unit_that_fits_and_its_factor_are_named():
    """CMU's files are in inches of 1 / 0.45: 0.8 m are 14.2 of them, which were taken for cm."""
    (said,) = doubt_legs("a.bvh", scaled(0.45 / 2.54), "cm")
    assert said == (
        "a.bvh: its legs are 0.142 m long, and 0.8 m if its unit is inches / 0.45: in that case scale what is "
        "written by 5.644"
    )


@pytest.mark.parametrize(("factor", "said"), [(1, "cm"), (0.6, "cm"), (1.5, "m"), (0.3, "m"), (3, "m")])
def test_children_and_what_fits_no_unit_are_not_doubted(factor, said):
    assert doubt_legs("a.trc", scaled(factor), said) == []


def test_who_stretches_along_a_level_axis_is_doubted():
    (said,) = doubt_level("a.trc", Z_UP)
    assert said.startswith("a.trc: somebody stretches along z, and y is taken as up: unless they lie or were filmed ")
    assert said.endswith("from above, turn what is written")
    (said,) = doubt_level("a.trc", replace(Z_UP, positions_m=Z_UP.positions_m * [1, -1, -1]))
    assert "stretches along -z," in said


def test_who_stands_on_their_hands_or_gets_up_or_is_not_there_is_not_doubted():
    hands = replace(MOTION, positions_m=MOTION.positions_m * [1, -1, -1])
    rises = replace(MOTION, positions_m=np.concatenate([Z_UP.positions_m[:2], MOTION.positions_m[:3]]))
    nobody = replace(Z_UP, positions_m=np.full_like(Z_UP.positions_m, np.nan))
    nameless = replace(Z_UP, joints=tuple(f"p{number}" for number in range(len(Z_UP.joints))))
    assert [doubt_level("a.trc", motion) for motion in (MOTION, hands, rises, nobody, nameless)] == [[]] * 5
    assert doubt_legs("a.bvh", nobody, "cm") == doubt_legs("a.bvh", nameless, "cm") == []
