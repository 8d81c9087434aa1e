"""A bill of materials: what is installed, fetched and shipped, as CycloneDX 1.6 in JSON.

    make sbom                            # sbom.json, and the table of docs/files.md
    python -m checks.sbom --validate     # and CycloneDX's own library checks it against the schema

Packages are those of requirements.lock with the licences of docs/licences.md; files are those of ``files_of_others``.
The same state of the repository gives the same bytes: there is no date in it, and the serial number
comes from what it holds.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from checks.files_of_others import ROOT, FileOfOthers, all_files, renew_page

VALIDATOR = "cyclonedx-python-lib[json-validation]==11.12.0"
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1], encoding="utf-8").read())
sys.exit(f"not CycloneDX 1.6: {error}" if error else 0)
"""
_NOT_SPDX = {"PSF-based", "GPL-2.0-only WITH linking exception"}
"""What packages say in words of their own."""


def licensed_packages() -> list[tuple[str, str, str]]:
    """Name, version and licence of each package of the lock, as docs/licences.md lists them."""
    text = (ROOT / "docs/licences.md").read_text(encoding="utf-8").split("\n## Packages\n")[1]
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", text, re.MULTILINE)
    return [row for row in rows if row[0] != "package"]


def licences(licence: str) -> list[dict[str, Any]]:
    """A licence in the standard's form: a name, an id of SPDX, or several of these in an expression."""
    if licence in _NOT_SPDX:
        return [{"license": {"name": licence}}]
    return [{"expression": licence}] if " " in licence else [{"license": {"id": licence}}]


def package_component(name: str, version: str, licence: str) -> dict[str, Any]:
    """One package of PyPI."""
    purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    kind = {"type": "library", "bom-ref": purl, "name": name, "version": version}
    return {**kind, "licenses": licences(licence), "purl": purl}


def file_component(file: FileOfOthers) -> dict[str, Any]:
    """One file that is fetched or shipped."""
    kind = "machine-learning-model" if file.name.endswith((".pt", ".tflite")) else "file"
    return {
        "type": kind,
        "bom-ref": f"file:{file.name}",
        "name": file.name,
        "description": f"{file.reason}; from {file.origin}",
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
        "licenses": licences(file.licence),
    }


def bill(files: Iterable[FileOfOthers]) -> dict[str, Any]:
    """The whole document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    components = [package_component(*package) for package in licensed_packages()]
    components += [file_component(file) for file in files]
    itself = {"type": "application", "bom-ref": project["name"], "name": project["name"], "version": project["version"]}
    content = json.dumps([itself, components])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}",
        "version": 1,
        "metadata": {"component": {**itself, "licenses": licences(project["license"])}},
        "components": components,
    }


def validate(path: Path) -> None:
    """Check a bill against CycloneDX's schema, by a library in an environment that is thrown away.

    Raises:
        subprocess.CalledProcessError: it is none, or the library cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="pose3d-sbom-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = f"{folder}/bin/python"
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", VALIDATOR]
        subprocess.run(install, check=True)
        subprocess.run([python, "-c", VALIDATE, str(path)], check=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "sbom.json", help="the file that is written")
    parser.add_argument("--validate", action="store_true", help="against the schema, by CycloneDX's library (network)")
    options = parser.parse_args(arguments)
    files = all_files()
    renew_page(files)
    document = bill(files)
    options.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{options.out}: {len(document['components'])} components, {len(files)} of them files")
    if options.validate:
        validate(options.out)
        print("valid by CycloneDX's schema 1.6")


if __name__ == "__main__":
    main()
