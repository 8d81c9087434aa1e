import pytest
from people import SPLITS, population, write_data

from pose3d.config.lifting import LiftingParams
from pose3d.errors import InputError
from pose3d.lifting.supervision import read_supervision


def lifting(keypoints: tuple[str, ...], prior: tuple[str, ...]) -> LiftingParams:
    return LiftingParams(
        formulation="virtual_camera",
        keypoints_subjects=keypoints,
        prior_subjects=prior,
        error_gain=1,
        body_spread=0,
        mixed_share=0,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_data(folder, population(frames=3))
    return folder


def test_each_subject_gives_what_it_is_named_for(folder):
    read = read_supervision(folder / "sequences.h5", folder / "keypoints2d.h5", lifting(("S1",), ("S7",)))
    assert {s.subject for s in read.sequences} == {"S1"}
    assert {s.subject for s in read.prior} == {"S7"}
    assert [len(d.keypoints_px) for d in read.detections] == [len(s) for s in read.sequences]


@pytest.mark.parametrize("name", [*SPLITS["test"], *SPLITS["validation"], "S3"])
def test_only_training_subjects_teach(folder, name):
    for params in (lifting((name,), ("S7",)), lifting(("S1",), ("S7", name))):
        with pytest.raises(InputError, match=rf"must name subjects of dataset.subjects.train \(S1, S7\), not {name}"):
            read_supervision(folder / "sequences.h5", folder / "keypoints2d.h5", params)
