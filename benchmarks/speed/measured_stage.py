"""Run one script's ``main`` in the current folder and print what it took, as JSON on the last line.

    python -m benchmarks.speed.measured_stage SCRIPT

Time is of ``main`` alone, without the interpreter's and the imports'. Memory is the process's peak.
"""

import importlib.util
import json
import resource
import sys
import time
from pathlib import Path


def peak_memory_bytes() -> int:
    """Peak resident memory of this process.

    On Linux not getrusage's: its figure starts at what the parent held when it started this process.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def main() -> None:
    script = Path(sys.argv[1])
    spec = importlib.util.spec_from_file_location(script.stem, script)
    stage = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = stage  # where pydantic looks for the names in a class's annotations
    spec.loader.exec_module(stage)
    start = time.perf_counter()
    stage.main()
    taken = time.perf_counter() - start
    print(json.dumps({"seconds": taken, "peak_bytes": peak_memory_bytes()}))


if __name__ == "__main__":
    main()
