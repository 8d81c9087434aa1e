"""Write the trained models as ONNX, for onnxruntime.

    pose3d export --models data/models --out data/onnx

Any program that runs ONNX can use the files; `pose3d predict --runtime onnx` does. Each is run by onnxruntime and
compared with torch before it takes its name. pose3d.onnx.export says what their inputs, outputs and metadata are.
"""

import argparse
from pathlib import Path

from pose3d.predict.models import require_models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", default="data/models", metavar="FOLDER", help="by default data/models")
    parser.add_argument("--out", default="data/onnx", metavar="FOLDER", help="by default data/onnx")


def run(given: argparse.Namespace) -> None:
    require_models(Path(given.models), "torch")
    from pose3d.onnx.export import export

    export(given.models, given.out)
