"""Keypoints and 3D poses of people in a video, from the models that the pipeline trained.

``pose3d predict video.mp4`` from the command line, :func:`pose3d.predict.predict` from Python.
docs/predict.md explains both.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pose3d.predict.pipeline import predict, predict_people

__all__ = ["predict", "predict_people"]


def __getattr__(name: str) -> Any:
    """Load on first use: torch takes seconds, and neither ``--help`` nor the modules of this package need all of it."""
    if name in __all__:
        from pose3d.predict import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
