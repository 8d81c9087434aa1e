"""Looks that vary by take: clothes, skin, hair, the room, the lamp. Colours are RGB in [0, 1], as displayed."""

import colorsys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pose3d.geometry.rotations import turned
from pose3d.synthetic.body import SIDES, Body

TEXTURE_SIZE = 256
_LIGHT_SKIN, _DARK_SKIN = np.array([0.97, 0.80, 0.69]), np.array([0.38, 0.24, 0.17])
_HAIR_COLOURS = np.array(
    [[0.10, 0.08, 0.07], [0.24, 0.15, 0.09], [0.45, 0.28, 0.14], [0.80, 0.66, 0.40], [0.62, 0.61, 0.60]]
)
_LEAST_HAIR_CONTRAST = 0.25
_EYE_COLOUR = np.array([0.08, 0.07, 0.07])
_BARE_TRUNK_SHARE, _BARE_LEGS_SHARE, _CAP_SHARE = 0.25, 0.25, 0.25
_FRONT_M = 0.03  # what lies further forward than this before the neck's axis is chest or belly


@dataclass(frozen=True, eq=False)
class Texture:
    """A pattern that repeats every ``tile_m`` metres: (N, N, 3) float32, and its size."""

    colours: np.ndarray
    tile_m: float


@dataclass(frozen=True, eq=False)
class Room:
    """A rectangular room without a ceiling around the world's origin, lit by one distant lamp and from everywhere.

    Attributes:
        half_size_m: (2,) distance of the walls x = +-half_size_m[0] and y = +-half_size_m[1].
        floor, walls, boxes: textures.
        posters: (N, 8) on wall number 0..3: wall, centre along it, centre height, half width, half height, RGB.
        lamp_m: (3,) place of the lamp.
        ambient, direct: (3,) light from everywhere and from the lamp.
    """

    half_size_m: np.ndarray
    floor: Texture
    walls: Texture
    boxes: Texture
    posters: np.ndarray
    lamp_m: np.ndarray
    ambient: np.ndarray
    direct: np.ndarray


def random_colour(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> np.ndarray:
    """A colour of any hue, (3,).

    Args:
        rng: every draw comes from it.
        saturation, value: least and greatest, in [0, 1].
    """
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value)))


def skin_colour(rng: np.random.Generator) -> np.ndarray:
    """From light to dark, (3,)."""
    return _LIGHT_SKIN + rng.random() ** 1.3 * (_DARK_SKIN - _LIGHT_SKIN)


def cloud_noise(rng: np.random.Generator, roughness: float) -> np.ndarray:
    """Seamless noise (N, N), mean 0 and standard deviation 1; amplitudes fall with frequency ** -roughness."""
    frequency_y = np.fft.fftfreq(TEXTURE_SIZE)[:, None] * TEXTURE_SIZE
    frequency_x = np.fft.rfftfreq(TEXTURE_SIZE)[None] * TEXTURE_SIZE
    amplitude = np.maximum(np.hypot(frequency_x, frequency_y), 1) ** -roughness
    amplitude[0, 0] = 0
    phase = rng.uniform(0, 2 * np.pi, amplitude.shape)
    noise = np.fft.irfft2(amplitude * np.exp(1j * phase), s=(TEXTURE_SIZE, TEXTURE_SIZE))
    return (noise - noise.mean()) / noise.std()


def _tinted(base: np.ndarray, brightness: np.ndarray, tile_m: float) -> Texture:
    colours = np.clip(base * brightness[..., None], 0, 1).astype(np.float32)
    return Texture(colours, tile_m)


def floor_texture(rng: np.random.Generator) -> Texture:
    """Carpet, tiles or planks."""
    base = random_colour(rng, (0.03, 0.45), (0.45, 0.9))
    y, x = np.mgrid[:TEXTURE_SIZE, :TEXTURE_SIZE] / TEXTURE_SIZE
    brightness = 1 + rng.uniform(0.02, 0.07) * cloud_noise(rng, rng.uniform(1.2, 2.0))
    kind = rng.integers(3)
    if kind == 1:
        brightness *= 1 + rng.uniform(0.05, 0.3) * ((x < 0.5) ^ (y < 0.5))
    elif kind == 2:
        plank = (y * 8).astype(int)
        brightness *= (1 + 0.12 * rng.standard_normal(8))[plank] * (1 - 0.3 * ((y * 8) % 1 < 0.06))
    return _tinted(base, brightness, rng.uniform(1.0, 2.0))


def wall_texture(rng: np.random.Generator) -> Texture:
    """Plaster or broad stripes."""
    base = random_colour(rng, (0.0, 0.35), (0.55, 0.98))
    x = np.arange(TEXTURE_SIZE)[None] / TEXTURE_SIZE
    brightness = 1 + rng.uniform(0.01, 0.06) * cloud_noise(rng, rng.uniform(1.4, 2.2))
    if rng.random() < 0.35:
        brightness = brightness * (1 + rng.uniform(-0.2, 0.2) * np.sign(np.sin(2 * np.pi * rng.integers(2, 7) * x)))
    return _tinted(base, brightness, rng.uniform(1.5, 4.0))


def sample_room(rng: np.random.Generator) -> Room:
    """Draw a room and its light."""
    half_size = rng.uniform([5.5, 6.5], [8.0, 9.0])
    floor, walls = floor_texture(rng), wall_texture(rng)
    grain = 1 + 0.06 * cloud_noise(rng, 1.5)
    boxes = _tinted(random_colour(rng, (0.05, 0.6), (0.4, 0.9)), grain, 0.8)
    posters = []
    for wall in range(4):
        for _ in range(rng.integers(0, 5)):
            place = [wall, rng.uniform(-5, 5), rng.uniform(0.5, 3.0), rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.7)]
            posters.append([*place, *random_colour(rng, (0, 0.8), (0.15, 0.95))])
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(np.deg2rad(48), np.deg2rad(75))
    direction = [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)]
    ambient = rng.uniform(0.55, 0.72)
    direct = rng.uniform(1.0, 1.2) - ambient
    tint = 1 + rng.uniform(-0.06, 0.06, 3)
    return Room(
        half_size,
        floor,
        walls,
        boxes,
        np.array(posters).reshape(-1, 8),
        12.0 * np.array(direction),
        ambient * np.ones(3) * tint,
        direct * (1 + rng.uniform(-0.08, 0.08, 3)),
    )


def _along(body: Body, start: str, end: str) -> np.ndarray:
    """Place of each rest vertex along a limb, (V,): 0 at the head of bone ``start``, 1 at the head of ``end``."""
    limb = body.rest(end) - body.rest(start)
    return ((body.vertices_m - body.rest(start)) * limb).sum(-1) / (limb * limb).sum()


@lru_cache(maxsize=8)  # bodies come back, take after take
def body_regions(body: Body) -> dict[str, np.ndarray]:
    """Masks (V,) over the rest mesh: trunk, neck, head, hair, arms, legs, feet, and how far along the limbs.

    ``arm_reach`` and ``leg_reach`` run from 0 at shoulder or hip over 1 at elbow or knee to 2 at wrist or ankle.
    """
    regions = {
        "trunk": body.moved_by(("spine", "clavicle", "shoulder01", "root")),
        "pelvis": body.moved_by(("pelvis",)),
        "neck": body.moved_by(("neck",)),
        "head": body.moved_by(("head", "eye")),
        "arms": body.moved_by(("upperarm", "lowerarm")),
        "legs": body.moved_by(("upperleg", "lowerleg")),
        "feet": body.moved_by(("foot", "toe")),
    }
    arm_reach, leg_reach = np.zeros(len(body.vertices_m)), np.zeros(len(body.vertices_m))
    for side in SIDES:
        for reach, upper, lower, end in (
            (arm_reach, "upperarm", "lowerarm", "wrist"),
            (leg_reach, "upperleg", "lowerleg", "foot"),
        ):
            of_upper = body.moved_by((f"{upper}01.{side}", f"{upper}02.{side}"))
            of_lower = body.moved_by((f"{lower}01.{side}", f"{lower}02.{side}"))
            reach[of_upper] = _along(body, f"{upper}01.{side}", f"{lower}01.{side}")[of_upper].clip(0, 1)
            reach[of_lower] = 1 + _along(body, f"{lower}01.{side}", f"{end}.{side}")[of_lower].clip(0, 1)
    return regions | {"arm_reach": arm_reach, "leg_reach": leg_reach}


def sample_clothes(body: Body, rng: np.random.Generator, varied: bool) -> np.ndarray:
    """Draw clothes, skin and hair.

    Args:
        body: V rest vertices and the bones that move them.
        rng: every draw comes from it.
        varied: some trunks are bare, some legs too, and some heads wear caps.

    Returns:
        (V, 3) float32 colour of each vertex before light.
    """
    regions, rest = body_regions(body), body.vertices_m
    x, y, z = rest.T
    eye_z, head_y = body.rest("eye.L")[2], body.rest("head")[1]
    skin = skin_colour(rng)
    colours = np.tile(skin, (len(rest), 1))

    # Hair begins above the forehead and covers the back of the head, in a colour unlike the skin's: with the eyes, the
    # neckline and the open jacket it is what tells a person's front from the back.
    behind = np.clip((y - head_y + 0.02) / 0.12, 0, 1)
    hairline = eye_z + 0.055 - behind * rng.uniform(0.11, 0.22)
    contrast = np.abs((_HAIR_COLOURS - skin).mean(axis=1))
    choices = _HAIR_COLOURS[contrast > _LEAST_HAIR_CONTRAST]
    colours[(regions["head"] | regions["neck"]) & (z > hairline)] = choices[rng.integers(len(choices))]
    colours[body.moved_by(("eye",))] = _EYE_COLOUR

    shirt_colour = random_colour(rng, (0.0, 0.9), (0.2, 0.98))
    trouser_colour = random_colour(rng, (0.0, 0.7), (0.12, 0.8))
    shoe_colour = random_colour(rng, (0.0, 0.6), (0.1, 0.95))
    sleeve = rng.choice([0.15, rng.uniform(0.4, 0.8), rng.uniform(1.7, 2.0)], p=[0.15, 0.45, 0.4])
    trouser = rng.choice([rng.uniform(0.35, 0.9), rng.uniform(1.2, 1.5), 2.0], p=[0.3, 0.1, 0.6])
    waist_z = body.rest("spine05")[2] + rng.uniform(0.0, 0.07)
    collar_z = body.rest("neck01")[2] - rng.uniform(-0.01, 0.03)

    trunk = regions["trunk"] | (regions["neck"] & (z < collar_z))
    shirt = (trunk & (z >= waist_z)) | (regions["arms"] & (regions["arm_reach"] < sleeve))
    trousers = (trunk & (z < waist_z)) | regions["pelvis"] | (regions["legs"] & (regions["leg_reach"] < trouser))
    colours[shirt] = _fabric(rng, rest[shirt], shirt_colour)
    in_front = y < body.rest("neck01")[1] - _FRONT_M
    if rng.random() < 0.8:  # an open jacket shows what is worn below it
        colours[shirt & in_front & (np.abs(x) < rng.uniform(0.04, 0.09))] = random_colour(rng, (0.0, 0.9), (0.2, 1.0))
    neckline_m, depth = rng.uniform(0.06, 0.16), body.rest("neck01")[2] - z
    colours[shirt & in_front & (np.abs(x) < 0.6 * (neckline_m - depth))] = skin
    colours[trousers] = trouser_colour
    if rng.random() < 0.25:
        side_stripe = trousers & (np.abs(x) > np.abs(body.rest("lowerleg01.L")[0]) + 0.03)
        colours[side_stripe] = random_colour(rng, (0.0, 0.9), (0.3, 1.0))
    socks = regions["legs"] & (regions["leg_reach"] > 2 - rng.uniform(0.0, 0.35)) & ~trousers
    colours[socks] = random_colour(rng, (0.0, 0.3), (0.2, 1.0))
    if rng.random() < 0.9:
        colours[regions["feet"]] = shoe_colour
    # Uneven dye and folds, so that cloth is not one flat colour.
    waves = np.asarray(sum(np.sin(turned(rest, rng.normal(0, 40, 3)) + rng.uniform(0, 6.3)) for _ in range(4))) / 4
    if varied:
        if rng.random() < _BARE_TRUNK_SHARE:
            colours[shirt] = skin
        if rng.random() < _BARE_LEGS_SHARE:
            colours[regions["legs"] & (regions["leg_reach"] > rng.uniform(0.1, 0.8))] = skin
            if rng.random() < 0.5:
                colours[regions["feet"]] = skin
        if rng.random() < _CAP_SHARE:
            brim = eye_z + rng.uniform(0.02, 0.07) - behind * rng.uniform(0.03, 0.12)
            colours[regions["head"] & (z > brim)] = random_colour(rng, (0.0, 1.0), (0.1, 1.0))
    return np.clip(colours * (1 + 0.05 * waves[:, None]), 0, 1).astype(np.float32)


def _fabric(rng: np.random.Generator, rest_m: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Plain, striped across, striped along, chequered, or with a broad band; (n, 3)."""
    x, y, z = rest_m.T
    second = random_colour(rng, (0.0, 0.9), (0.2, 1.0))
    period = rng.uniform(0.06, 0.16)
    across, along = np.sin(2 * np.pi * z / period) > 0, np.sin(2 * np.pi * x / period) > 0
    kind = rng.choice(5, p=[0.4, 0.25, 0.1, 0.1, 0.15])
    band = np.abs(z - np.quantile(z, 0.6)) < rng.uniform(0.04, 0.1)
    pattern = (np.zeros(len(z), bool), across, along, across ^ along, band)[kind]
    return np.where(pattern[:, None], second, colour)
