import sys
from pathlib import Path

# The campaigns are a package at the root, which is not on the path where pytest is started without `python -m`.
sys.path.append(str(Path(__file__).parents[2]))
