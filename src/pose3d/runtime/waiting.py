"""How threads wait for one another: not so long that they keep a core from somebody who has work for it."""

import os

_SPINS = "1000"
"""Some microseconds in place of about a millisecond, which is longer than most operations of a training: where somebody
else is at work too, threads would mostly keep each other from the cores by waiting."""


def wait_without_spinning() -> None:
    """Have OpenMP's threads sleep soon when they wait; who sets GOMP_SPINCOUNT or OMP_WAIT_POLICY knows better.

    libgomp, which torch brings, reads it when it is loaded: to be called before torch is imported.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
