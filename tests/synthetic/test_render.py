from dataclasses import replace

import cv2
import numpy as np
import pytest
from tiny_performers import CUBE_TRIANGLES, cuboid, tiny_body

from pose3d.geometry.camera import Camera
from pose3d.synthetic.appearance import TEXTURE_SIZE, body_regions, cloud_noise, sample_clothes, sample_room
from pose3d.synthetic.background import mixed, pixel_rays, plane_forms, render_background, room_depth
from pose3d.synthetic.cameras import look_at, stage_cameras
from pose3d.synthetic.mocap import Boxes
from pose3d.synthetic.raster import UNDRAWN, Lamp, depth_m, rasterize
from pose3d.synthetic.render import Mesh, draw, light_body
from pose3d.synthetic.surface import Surface

QUAD = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
BODY = tiny_body()


def rest_vertices():
    hips = (BODY.rest("upperleg01.L") + BODY.rest("upperleg01.R"))[None] / 2
    return BODY.skin(BODY.pose({}, hips))[0] - np.float32([0, 0, BODY.vertices_m[:, 2].min()])


def scene(size_px=256, boxes=None, seed=0):
    """A room, one camera's view of it, and the lamp."""
    rng = np.random.default_rng(seed)
    camera = stage_cameras(rng, size_px, 1)[0]
    room = sample_room(rng)
    lamp = Lamp(room.lamp_m, np.array([0, 0, 0.9]), 1.3, size_px, boxes)
    return camera, room, lamp, render_background(camera, room, boxes, lamp, 2, np.ones(3))


@pytest.mark.parametrize(("width", "height"), [(256, 256), (257, 201)])
def test_a_quad_covers_exactly_its_pixels_under_any_intrinsics(width, height):
    intrinsics = np.array([[300.0, 0, 120.3], [0, 310.0, 97.7], [0, 0, 1]])
    pixels = np.array([[50.0, 60.0], [180, 60], [180, 150], [50, 150]])
    points = np.concatenate([(pixels - intrinsics[:2, 2]) / [300, 310], np.ones((4, 1))], axis=1) * 4.0
    colour = np.zeros((height, width, 3), np.float32)
    depth = np.full((height, width), UNDRAWN, np.float32)
    rasterize(points, QUAD, intrinsics, depth, np.ones((4, 3)), colour)
    expected = np.zeros((height, width), bool)
    expected[60:150, 50:180] = True
    np.testing.assert_array_equal(colour[..., 0] > 0, expected)
    np.testing.assert_array_equal(depth < UNDRAWN, expected)
    np.testing.assert_allclose(depth_m(depth[expected]), 4.0, rtol=1e-4)
    alone = np.full((height, width), UNDRAWN, np.float32)
    rasterize(points, QUAD, intrinsics, alone)
    np.testing.assert_array_equal(alone, depth)


def test_the_nearer_triangle_wins():
    intrinsics = np.array([[64.0, 0, 32], [0, 64.0, 32], [0, 0, 1]])
    square = np.array([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], float)
    colour, depth = np.zeros((64, 64, 3), np.float32), np.full((64, 64), UNDRAWN, np.float32)
    for distance, value in ((3, 0.3), (2, 0.2), (4, 0.4)):
        rasterize(square * distance, QUAD, intrinsics, depth, np.full((4, 3), value), colour)
    np.testing.assert_allclose(colour, 0.2, atol=1e-6)


def test_small_triangles_leave_no_hole():
    size, cells = 64, 150  # less than half a pixel each: most draw nothing
    ticks = np.linspace(-1, 1, cells + 1)
    x, y = np.meshgrid(ticks, ticks)
    points = np.stack([x.ravel(), y.ravel(), np.full(x.size, 2.0)], axis=1)
    corner = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    square = np.stack([corner, corner + 1, corner + cells + 2, corner + cells + 1], axis=1)
    depth = np.full((size, size), UNDRAWN, np.float32)
    intrinsics = np.array([[50.0, 0, 32.3], [0, 50.0, 31.9], [0, 0, 1]])
    rasterize(points, square[:, QUAD].reshape(-1, 3).astype(np.int32), intrinsics, depth)
    expected = np.zeros((size, size), bool)
    expected[7:57, 7:57] = True  # 31.9 - 25 = 6.9 and 32.3 - 25 = 7.3 both begin with the centre at 7.5
    np.testing.assert_array_equal(depth < UNDRAWN, expected)


def floor_beneath(camera_height_m: float, far_m: float, back_m: float) -> np.ndarray:
    """Corners (4, 3) in camera space of a level floor from ``back_m`` (behind, if negative) to ``far_m``."""
    return np.array(
        [[-50, camera_height_m, back_m], [50, camera_height_m, back_m], [50, camera_height_m, far_m]]
        + [[-50, camera_height_m, far_m]]
    )


@pytest.mark.parametrize("back_m", [-3.0, 0.0, 0.5])
def test_what_reaches_behind_the_camera_is_drawn_in_front_of_it_only(back_m):
    # A floor 1 m below the camera up to 4 m ahead: at depth z its row is 32 + 32 / z, so it covers rows 40 to 63.
    intrinsics = np.array([[32.0, 0, 32], [0, 32.0, 32], [0, 0, 1]])
    depth, colour = np.full((64, 64), UNDRAWN, np.float32), np.zeros((64, 64, 3), np.float32)
    points = floor_beneath(1.0, 4.0, back_m)
    rasterize(points, QUAD, intrinsics, depth, points[:, [2, 2, 2]], colour)
    rows = np.arange(40, 64)
    assert (depth[:40] == UNDRAWN).all()
    distances = 32 / (rows + 0.5 - 32)
    np.testing.assert_allclose(depth_m(depth[rows, 20]), distances, rtol=1e-3)
    np.testing.assert_allclose(colour[rows, 20, 0], distances, rtol=1e-3)  # attributes are cut with their corners
    assert (depth[40:] < UNDRAWN).all()


def test_what_lies_in_front_of_the_camera_is_drawn_as_it_is(monkeypatch):
    """Views that need no cut keep their bytes."""

    def fail(*_):
        raise AssertionError("cut")

    monkeypatch.setattr("pose3d.synthetic.raster.clip_near", fail)
    depth = np.full((64, 64), UNDRAWN, np.float32)
    intrinsics = np.array([[32.0, 0, 32], [0, 32.0, 32], [0, 0, 1]])
    rasterize(floor_beneath(1.0, 4.0, 0.05), QUAD, intrinsics, depth)
    assert (depth < UNDRAWN).any()
    with pytest.raises(AssertionError, match="cut"):
        rasterize(floor_beneath(1.0, 4.0, 0.049), QUAD, intrinsics, depth)


def test_a_triangle_wholly_behind_the_camera_draws_nothing():
    intrinsics = np.array([[32.0, 0, 32], [0, 32.0, 32], [0, 0, 1]])
    depth = np.full((64, 64), UNDRAWN, np.float32)
    rasterize(np.array([[-1.0, -1, -2], [1, -1, -2], [1, 1, -2], [-1, 1, -2]]), QUAD, intrinsics, depth)
    assert (depth == UNDRAWN).all()


def test_a_box_beside_the_camera_covers_what_its_surface_says():
    """Against a count of rays: the box reaches from ahead of the camera to behind it."""
    camera, room, lamp, plain = scene(64)
    low, high = (tuple(camera.position_m + [x, y, 0])[:2] + (z,) for x, y, z in ((-1.0, -2.5, 0.0), (-0.25, 0.5, 1.3)))
    box = Boxes(cuboid(low, high), CUBE_TRIANGLES)
    z = camera.world_to_camera(box.vertices_m)[:, 2]
    assert z.min() < 0 < z.max()
    view = render_background(camera, room, box, lamp, 2, np.ones(3))
    columns, rows = np.meshgrid(np.arange(128), np.arange(128))
    rays = np.tensordot(np.stack([columns, rows, np.ones_like(rows)], -1), pixel_rays(camera, 2), (-1, 1))
    with np.errstate(divide="ignore"):
        ends = np.sort(np.stack([(np.array(end) - camera.position_m) / rays for end in (low, high)]), axis=0)
    expected = (ends[0].max(-1) <= ends[1].min(-1)) & (ends[1].min(-1) > 0)
    drawn = view.depth < plain.depth
    assert expected.sum() > 500
    assert (drawn != expected).sum() < 0.02 * expected.sum()


def test_rays_pass_through_the_centres_of_their_pixels():
    rotation, translation = look_at(np.array([3.0, -4.0, 1.6]), np.array([0.0, 0.2, 0.9]), 0.1)
    intrinsics = np.array([[200.0, 0, 70], [0, 210.0, 60], [0, 0, 1]])
    camera = Camera("cam0", 128, 96, intrinsics, np.zeros(5), rotation, translation)
    places = np.array([[5, 10, 1], [100, 90, 1]])
    for supersampling, first in ((1, 0.5), (2, 0.25)):
        rays = places @ pixel_rays(camera, supersampling).T
        pixels = camera.project(camera.world_to_camera(camera.position_m + 3.0 * rays))
        np.testing.assert_allclose(pixels, first + places[:, :2] / supersampling)


def test_the_floor_is_where_the_camera_sees_it():
    camera, room, _, _ = scene()
    rays = pixel_rays(camera, 1)
    inverse_depth, surface = room_depth(rays, camera.position_m, room.half_size_m, 256, 256)
    columns, rows = np.meshgrid(np.arange(256), np.arange(256))
    directions = np.stack([columns, rows, np.ones_like(rows)], -1) @ rays.T
    points = camera.position_m + directions / inverse_depth[..., None]
    assert (surface == 4).any() and (surface < 4).any()
    np.testing.assert_allclose(points[surface == 4][:, 2], 0, atol=1e-4)
    for index, (axis, sign) in enumerate(((0, 1), (0, -1), (1, 1), (1, -1))):
        on_wall = points[surface == index]
        np.testing.assert_allclose(on_wall[:, axis], sign * room.half_size_m[axis], atol=1e-3)
    assert points[..., 2].min() > -1e-3
    assert plane_forms(rays, camera.position_m, room.half_size_m).shape == (5, 3)


def test_textures_and_posters_are_where_the_room_has_them():
    """Every pixel of the picture against its own ray, texel by texel, without light."""
    camera, room, lamp, _ = scene(96)
    unlit = replace(room, ambient=np.ones(3), direct=np.zeros(3))
    view = render_background(camera, unlit, None, lamp, 1, np.ones(3))
    rays = pixel_rays(camera, 1)
    inverse_depth, surface = room_depth(rays, camera.position_m, room.half_size_m, 96, 96)
    columns, rows = np.meshgrid(np.arange(96), np.arange(96))
    points = camera.position_m + np.stack([columns, rows, np.ones_like(rows)], -1) @ rays.T / inverse_depth[..., None]
    expected = np.empty((96, 96, 3))
    for place in np.ndindex(96, 96):
        x, y, z = points[place]
        index = surface[place]
        along, across = (x, y) if index == 4 else ((y, z) if index < 2 else (x, z))
        texture = room.floor if index == 4 else room.walls
        scale = TEXTURE_SIZE / texture.tile_m
        colour = texture.colours[
            int(np.floor(across * scale)) % TEXTURE_SIZE, int(np.floor(along * scale)) % TEXTURE_SIZE
        ]
        for wall, centre, centre_z, half_width, half_height, *painted in room.posters:
            if wall == index and abs(along - centre) < half_width and abs(across - centre_z) < half_height:
                colour = np.array(painted)
        expected[place] = colour * (1.0 if index == 4 else 0.9)
    difference = np.abs(view.lit / 255 - expected).max(-1)
    assert (difference < 0.005).mean() > 0.995  # else a ray between two texels
    np.testing.assert_array_equal(view.lit, view.unlit)


@pytest.mark.parametrize("seed", range(3))
def test_projected_joints_lie_on_the_rendered_body(seed):
    camera, room, lamp, view = scene(seed=seed)
    vertices = rest_vertices()
    mesh = Mesh.of(BODY.faces, sample_clothes(BODY, np.random.default_rng(seed), False))
    image, coverage = draw(view, mesh, light_body(mesh, vertices, room, lamp))
    assert image.shape == (256, 256, 3) and image.dtype == np.uint8
    inside = ("upperleg01.L", "lowerleg01.L", "foot.L", "upperarm01.R", "lowerarm01.R", "wrist.R", "spine02", "head")
    heads = np.array([BODY.rest(label) for label in inside]) - [0, 0, BODY.vertices_m[:, 2].min()]
    for x, y in camera.project(camera.world_to_camera(heads)):
        assert coverage[int(y), int(x)] > 0.99
    # The silhouette ends where the mesh does, and nothing changes far from the body and its shadow.
    pixels = camera.project(camera.world_to_camera(vertices))
    rows, columns = np.nonzero(coverage)
    assert np.abs(columns.min() - pixels[:, 0].min()) < 1 and np.abs(columns.max() + 1 - pixels[:, 0].max()) < 1
    assert np.abs(rows.min() - pixels[:, 1].min()) < 1 and np.abs(rows.max() + 1 - pixels[:, 1].max()) < 1.5
    share = vertices[:, 2:] / (room.lamp_m[2] - vertices[:, 2:])
    on_floor = camera.project(camera.world_to_camera(vertices + share * (vertices - room.lamp_m)))
    low, high = (end([pixels.min(0), on_floor.min(0), pixels.max(0), on_floor.max(0)], 0) for end in (np.min, np.max))
    outside = np.ones((256, 256), bool)
    outside[max(int(low[1]) - 30, 0) : int(high[1]) + 30, max(int(low[0]) - 30, 0) : int(high[0]) + 30] = False
    np.testing.assert_array_equal(image[outside], view.lit[outside])


def test_edges_are_antialiased_and_the_background_shines_through():
    _, room, lamp, view = scene()
    mesh = Mesh.of(BODY.faces, np.zeros((len(BODY.vertices_m), 3)))  # a black body
    image, coverage = draw(view, mesh, light_body(mesh, rest_vertices(), room, lamp))
    assert set(np.unique(coverage * 255).round()) == {0, 64, 128, 191, 255}
    assert image[coverage == 1].max() == 0
    half = np.abs(coverage - 0.5) < 0.01
    assert (image[half] <= view.lit[half] // 2 + 2).all() and image[half].max() > 0


def test_a_box_in_front_hides_the_body_and_one_behind_does_not():
    vertices = rest_vertices()
    camera, *_ = scene()
    towards = camera.position_m * [1, 1, 0] / np.linalg.norm(camera.position_m[:2])
    for sign, hidden in ((1, True), (-1, False)):
        centre = sign * 1.0 * towards
        corners = cuboid(tuple(centre + [-0.45, -0.45, 0.0]), tuple(centre + [0.45, 0.45, 0.6]))
        camera, room, lamp, view = scene(boxes=Boxes(corners, CUBE_TRIANGLES))
        mesh = Mesh.of(BODY.faces, sample_clothes(BODY, np.random.default_rng(0), False))
        _, coverage = draw(view, mesh, light_body(mesh, vertices, room, lamp))
        ankle = camera.project(camera.world_to_camera([0.13, 0.01, 0.1])).astype(int)
        head = camera.project(camera.world_to_camera([0.0, 0.0, 1.65])).astype(int)
        assert coverage[ankle[1], ankle[0]] == (0 if hidden else 1)
        assert coverage[head[1], head[0]] == 1


def test_the_body_casts_a_shadow_on_the_floor_only_away_from_the_lamp():
    camera, room, lamp, view = scene()
    vertices = rest_vertices()
    mesh = Mesh.of(BODY.faces, np.ones((len(vertices), 3)))
    image, coverage = draw(view, mesh, light_body(mesh, vertices, room, lamp))
    chest = np.array([0.0, 0.0, 1.3])
    shadow = chest + chest[2] / (room.lamp_m[2] - chest[2]) * (chest - room.lamp_m)
    lit = -0.8 * shadow
    brightness = []
    for point in (shadow, lit):
        x, y = camera.project(camera.world_to_camera(point)).astype(int)
        assert coverage[y, x] == 0
        brightness.append(image[y, x].sum() / view.lit[y, x].sum())
    assert brightness[0] < 0.85 and brightness[1] > 0.97


def test_normals_of_a_cube_point_outwards_with_length_one():
    corners = cuboid((-1, -1, -1), (1, 1, 1)).astype(np.float32)
    surface = Surface.of(CUBE_TRIANGLES, 8)
    facets = surface.facets(corners)
    normals = surface.vertex_normals(facets).T
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert ((normals * corners) > 0).all()
    np.testing.assert_allclose(np.abs(facets.offsets), 4)  # twice the area of 2, times a distance of 1
    # From far along x only the two triangles of that side show their outside; from inside none does.
    far = facets.facing(np.array([9.0, 0, 0]))
    np.testing.assert_allclose(facets.normals[:, far].T, [[4, 0, 0]] * 2, atol=1e-6)
    assert not len(facets.facing(np.zeros(3)))


def test_a_body_out_of_sight_leaves_the_background():
    camera, room, lamp, view = scene()
    mesh = Mesh.of(BODY.faces, np.ones((len(BODY.vertices_m), 3)))
    right = camera.rotation[0] * 9
    image, coverage = draw(view, mesh, light_body(mesh, rest_vertices() + right, room, lamp))
    np.testing.assert_array_equal(image, view.lit)
    assert not coverage.any()


def test_rooms_and_clothes_differ_by_seed_and_repeat_by_seed():
    first, again, other = (sample_clothes(BODY, np.random.default_rng(seed), False) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.05
    assert first.min() >= 0 and first.max() <= 1
    images = [scene(64, seed=seed)[3].lit for seed in (1, 1, 2)]
    np.testing.assert_array_equal(images[0], images[1])
    assert np.abs(images[0].astype(int) - images[2]).mean() > 5


def test_varied_clothes_are_the_plain_ones_with_some_taken_off():
    trunk = body_regions(BODY)["trunk"]
    plain = [sample_clothes(BODY, np.random.default_rng(seed), False) for seed in range(24)]
    varied = [sample_clothes(BODY, np.random.default_rng(seed), True) for seed in range(24)]
    changed = [np.abs(a - b).max(1) > 1e-3 for a, b in zip(plain, varied, strict=True)]
    same = sum(not some.any() for some in changed)
    assert 2 < same < 20
    bare = [some[trunk].mean() > 0.3 for some in changed]
    assert 1 <= sum(bare) <= 12


def test_pictures_are_neither_dark_nor_burnt():
    means = [scene(64, seed=seed)[3].lit.mean() for seed in range(12)]
    assert min(means) > 70 and max(means) < 235


def test_noise_is_seamless():
    noise = cloud_noise(np.random.default_rng(0), 1.8)
    assert noise.shape == (TEXTURE_SIZE, TEXTURE_SIZE)
    assert noise.mean() == pytest.approx(0, abs=1e-9) and noise.std() == pytest.approx(1)
    inner = np.abs(np.diff(noise, axis=0)).mean()
    assert np.abs(noise[0] - noise[-1]).mean() < 1.5 * inner


def test_lens_distortion_is_refused():
    camera, room, lamp, _ = scene(64)
    bent = Camera("cam0", 64, 64, camera.intrinsics_px, np.full(5, 0.1), camera.rotation, camera.translation_m)
    with pytest.raises(ValueError, match="distortion"):
        render_background(bent, room, None, lamp, 1, np.ones(3))


def test_images_mix_by_bytes_exactly_at_both_ends():
    over, under = np.full((1, 3, 3), 200, np.uint8), np.full((1, 3, 3), 100, np.uint8)
    share = np.array([[0, 51, 255]], np.uint8)
    np.testing.assert_array_equal(mixed(over, under, share)[0, :, 0], [100, 120, 200])
    assert cv2.__version__.startswith("5")
