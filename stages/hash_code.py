"""Stage hash_code: what the code of each other stage does, as hashes to data/code/<stage>.txt, one line for each file.

The stages depend on these in place of the code, so they run again when what it does changes, and not for a comment, a
docstring or formatting. Their scripts do not read them.
"""

from pathlib import Path

from pose3d.runtime.code_hashes import code_hashes, listing
from pose3d.runtime.errors import run_stage
from pose3d.runtime.files import atomic_folder, write_text

STAGES, OUTPUT = Path("stages"), Path("data/code")


def main() -> None:
    scripts = [path for path in sorted(STAGES.glob("*.py")) if path.name != Path(__file__).name]
    with atomic_folder(OUTPUT) as folder:
        for script, hashes in code_hashes(scripts).items():
            write_text(folder / f"{script.stem}.txt", listing(hashes))


if __name__ == "__main__":
    run_stage(main)
