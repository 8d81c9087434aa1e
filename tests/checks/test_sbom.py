"""The bill of materials and docs/files.md have every file that the code fetches and every model that is shipped."""

import json
import re
from pathlib import Path

import pytest

from checks import files_of_others, sbom
from checks.files_of_others import FETCHED, MODEL_REASONS, PAGE, REASONS, ROOT, WITHOUT_ORIGIN, reason_of
from pose3d.datasets import packages
from pose3d.runtime.files import sha256_of

RENEW = "run make sbom and commit docs/files.md"
ROWS = [
    line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")
][1:]
SHA256 = {name: sha256 for name, *_, sha256 in ROWS}


def test_the_page_has_each_file_once_with_all_five_columns():
    assert len(SHA256) == len(ROWS)
    assert all(len(row) == 5 and all(row) for row in ROWS)
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in SHA256.values())


def test_the_page_has_the_files_that_the_code_fetches_and_the_models_that_are_shipped():
    fetched = {f"{package.name} {package.version} (wheel)" for package in FETCHED}
    fetched |= {name for package in FETCHED for name in package.kept.values()}
    models = {f"models/{path.name}" for path in (ROOT / "models").iterdir() if path.name not in WITHOUT_ORIGIN}
    assert set(SHA256) == fetched | models | {"docs/person.gif"}, RENEW


def test_every_list_of_packages_is_in_the_table():
    lists = [value for name, value in vars(packages).items() if name.endswith("PACKAGES")]
    assert len(lists) >= 3 and {package.sha256 for each in lists for package in each} == {
        package.sha256 for package in FETCHED
    }


def test_the_hashes_are_those_of_the_code_and_of_the_repository():
    for package in FETCHED:
        assert SHA256[f"{package.name} {package.version} (wheel)"] == package.sha256, RENEW
    for name, sha256 in SHA256.items():
        if name.startswith(("models/", "docs/")):
            assert sha256_of(ROOT / name) == sha256, f"{name}: {RENEW}"


@pytest.mark.parametrize("package", FETCHED, ids=lambda package: package.name)
def test_the_hashes_are_those_of_the_cache(package):
    entry = packages.cache_folder() / package.sha256
    if not packages._is_whole(package, entry):
        pytest.skip("not fetched on this machine")
    for name in package.kept.values():
        assert SHA256[name] == sha256_of(entry / name), RENEW


def test_nobody_else_s_weights_lie_in_the_folders_that_ship_empty():
    kept = {path.name for folder in ("pretrained", "priors") for path in (ROOT / folder).rglob("*") if path.is_file()}
    assert {"README.md"} <= kept and not {name for name in kept if name.endswith((".pt", ".tar", ".tflite"))}


def test_each_file_needs_a_reason():
    with pytest.raises(KeyError, match="new/file.bin: 0 reasons"):
        reason_of("new/file.bin", REASONS)
    assert reason_of("repnet.coco17.pt", MODEL_REASONS) == "lifts a single frame"


@pytest.mark.parametrize(
    ("licence", "form"),
    [
        ("MIT", {"license": {"id": "MIT"}}),
        ("PSF-based", {"license": {"name": "PSF-based"}}),
        ("Apache-2.0 OR BSD-2-Clause", {"expression": "Apache-2.0 OR BSD-2-Clause"}),
    ],
)
def test_a_licence_is_an_id_a_name_or_an_expression(licence, form):
    assert sbom.licences(licence) == [form]


def test_the_command_writes_the_same_bill_twice_and_the_table(tmp_path, monkeypatch, capsys):
    cache = tmp_path / "cache"
    for package in FETCHED:
        for name in package.kept.values():
            (cache / name).parent.mkdir(parents=True, exist_ok=True)
            (cache / name).write_text(name)
    page = tmp_path / "files.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(files_of_others, "cached_files", lambda package: cache)
    monkeypatch.setattr(files_of_others, "PAGE", page)
    for name in ("one.json", "two.json"):
        sbom.main(["--out", str(tmp_path / name)])
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    bill = json.loads((tmp_path / "one.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    components = {component["name"]: component for component in bill["components"]}
    lock = (ROOT / "requirements.lock").read_text().splitlines()
    locked = dict(line.split("==") for line in lines_of(lock))
    assert {name: components[name]["version"] for name in locked} == locked
    assert set(components) == set(locked) | set(SHA256)
    assert components["numpy"]["purl"] == f"pkg:pypi/numpy@{locked['numpy']}"
    model = components["models/pose_detection.tflite"]
    assert model["hashes"] == [{"alg": "SHA-256", "content": SHA256["models/pose_detection.tflite"]}]
    assert len({component["bom-ref"] for component in bill["components"]}) == len(components)
    assert sha256_of(cache / "multiview/cam01.mp4") in page.read_text(encoding="utf-8")
    assert f"{len(components)} components, {len(SHA256)} of them files" in capsys.readouterr().out


def lines_of(lock: list[str]) -> list[str]:
    return [line for line in lock if line and not line.startswith("#")]


def test_make_sbom_calls_it():
    makefile = Path(ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\nsbom: setup\n\tpython -m checks.sbom\n" in makefile
