"""Put first on PYTHONPATH, this writes down which project modules each DVC stage has loaded when its process ends.

DVC names the stage in ``DVC_STAGE``; the list goes to ``$POSE3D_TRACE_FOLDER/<stage>.txt``, one repository path a line.
"""

import atexit
import os
import sys
from pathlib import Path


def _write_loaded_modules() -> None:
    files = {Path(m.__file__).resolve() for m in list(sys.modules.values()) if getattr(m, "__file__", None)}
    root = Path.cwd().resolve()
    source = root / "src" / "pose3d"
    loaded = sorted(str(path.relative_to(root)) for path in files if source in path.parents)
    trace = Path(os.environ["POSE3D_TRACE_FOLDER"]) / f"{os.environ['DVC_STAGE']}.txt"
    with open(trace, "a", encoding="utf-8") as file:
        file.writelines(f"{path}\n" for path in loaded)


if "DVC_STAGE" in os.environ and "POSE3D_TRACE_FOLDER" in os.environ:
    atexit.register(_write_loaded_modules)
