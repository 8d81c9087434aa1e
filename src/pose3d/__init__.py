"""Images of a person to 3D joints with weak supervision."""

import os

# Of one image. OpenCV's own bound lets a JPEG file of some hundred bytes fill 5 GB; it reads this when it is imported.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**26))
