"""Writes litert_outputs.npz: what LiteRT, TensorFlow Lite's own runtime, makes of BlazePose's files on a drawn person.

Not part of the tests: to be run where ai-edge-litert is installed (2.3.0 wrote the file that lies here), with tests/ in
PYTHONPATH and the folder of the two files as argument.
"""

import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from drawn_person import detector_input, landmark_input

NETWORKS = {"pose_detection": detector_input(), "pose_landmark_full": landmark_input()}


def main(folder: Path) -> None:
    recorded = {}
    for name, image in NETWORKS.items():
        interpreter = Interpreter(str(folder / f"{name}.tflite"), num_threads=1)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
        interpreter.invoke()
        for output in interpreter.get_output_details():
            values = interpreter.get_tensor(output["index"])[0]
            if values.ndim == 3:  # of heatmaps every eighth row and column
                values = values[::8, ::8]
            elif values.ndim == 2:  # of anchors every eighth
                values = values[::8]
            if values.size < 10_000:
                recorded[f"{name} {output['name']}"] = values
    np.savez_compressed(Path(__file__).with_name("litert_outputs.npz"), **recorded)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
