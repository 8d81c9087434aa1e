"""What is used of one's own takes, what is left out, and why, as a table to print."""

import os
from collections.abc import Sequence

import pandas as pd

from pose3d.priors.own_takes import Take


def table(takes: Sequence[Take]) -> str:
    """A row for each take, and their sum."""
    rows = [
        {
            "file": " ".join(filter(None, [os.fsencode(take.file).decode(errors="replace"), take.person])),
            "frames/s": f"{take.fps:g}",
            "unit": take.unit,
            "minutes used": f"{take.seconds / 60:.2f}",
            "s left out": f"{sum(take.left_out_s.values()):.1f}",
            "why, or what else": _why(take),
        }
        for take in takes
    ]
    used_s, out_s = sum(take.seconds for take in takes), sum(sum(take.left_out_s.values()) for take in takes)
    rows.append({"file": "all", "minutes used": f"{used_s / 60:.2f}", "s left out": f"{out_s:.1f}"})
    return pd.DataFrame(rows).fillna("").to_string(index=False)


def _why(take: Take) -> str:
    reasons = [f"{reason} ({seconds:.1f} s)" for reason, seconds in take.left_out_s.items()]
    return "; ".join(reasons + take.said)
