"""A picture of a person that numpy alone draws, the same on every machine, for networks that know people."""

import numpy as np

SIDE_PX = 512
_SKIN, _SHIRT, _TROUSERS, _HAIR = (150, 170, 220), (60, 90, 200), (110, 60, 40), (30, 40, 60)
_LIMBS = (  # from and to in px, radius in px, colour BGR
    ((256, 120), (256, 150), 14, _SKIN),
    ((228, 290), (216, 372), 20, _TROUSERS),
    ((216, 372), (212, 450), 15, _TROUSERS),
    ((212, 458), (200, 466), 10, _HAIR),
    ((284, 290), (298, 372), 20, _TROUSERS),
    ((298, 372), (304, 450), 15, _TROUSERS),
    ((304, 458), (316, 466), 10, _HAIR),
    ((230, 170), (238, 280), 26, _SHIRT),
    ((282, 170), (274, 280), 26, _SHIRT),
    ((256, 170), (256, 285), 30, _SHIRT),
    ((214, 166), (184, 226), 14, _SHIRT),
    ((184, 226), (170, 286), 11, _SKIN),
    ((298, 166), (330, 226), 14, _SHIRT),
    ((330, 226), (346, 286), 11, _SKIN),
    ((256, 84), (256, 96), 25, _HAIR),
    ((256, 96), (256, 108), 21, _SKIN),
    ((247, 97), (248, 97), 3, (40, 40, 40)),
    ((265, 97), (264, 97), 3, (40, 40, 40)),
    ((250, 114), (262, 114), 2, (80, 80, 160)),
)


def drawn_person() -> np.ndarray:
    """(512, 512, 3) uint8 BGR: somebody who stands, seen from the front, before a plain wall."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] + 0.5
    image = np.stack([200 - 0.1 * y, 195 - 0.1 * y, 185 - 0.05 * y], axis=-1)
    image[470:] = (120, 130, 140)
    for start, end, radius, colour in _LIMBS:
        along = np.subtract(end, start)
        share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along), 0, 1)
        distance = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
        light = 1.1 - 0.4 * (distance / radius) ** 2
        image = np.where((distance < radius)[..., None], np.array(colour) * light[..., None], image)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def landmark_input() -> np.ndarray:
    """Every second px of the picture, (256, 256, 3) float32 RGB in [0, 1], for BlazePose's landmarks."""
    return drawn_person()[::2, ::2, ::-1].astype(np.float32) / 255


def detector_input() -> np.ndarray:
    """Every second px of most of the picture, (224, 224, 3) float32 RGB in [-1, 1], for BlazePose's detector."""
    return drawn_person()[40:488:2, 32:480:2, ::-1].astype(np.float32) / 127.5 - 1
