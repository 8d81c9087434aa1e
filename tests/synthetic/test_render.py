import cv2
import numpy as np
import pytest
from tiny_performers import CUBE_TRIANGLES, cuboid, tiny_body

from pose3d.geometry.camera import Camera
from pose3d.synthetic.appearance import TEXTURE_SIZE, body_regions, cloud_noise, sample_clothes, sample_room
from pose3d.synthetic.background import pixel_rays, render_background, room_depth
from pose3d.synthetic.cameras import look_at, stage_cameras
from pose3d.synthetic.mocap import Boxes
from pose3d.synthetic.raster import FAR_M, UNDRAWN, Lamp, rasterize
from pose3d.synthetic.render import Mesh, body_window, draw, light_body, to_uint8

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
    colour = np.full((height, width, 3), UNDRAWN, np.float32)
    depth = np.full((height, width), FAR_M, np.float32)
    rasterize(points, QUAD, np.ones((4, 3)), intrinsics, colour, depth)
    expected = np.zeros((height, width), bool)
    expected[60:150, 50:180] = True
    np.testing.assert_array_equal(colour[..., 0] > UNDRAWN, expected)
    np.testing.assert_allclose(depth[expected], 4.0, rtol=1e-4)
    np.testing.assert_allclose(depth[~expected], FAR_M, rtol=1e-4)


def test_the_nearer_triangle_wins():
    intrinsics = np.array([[64.0, 0, 32], [0, 64.0, 32], [0, 0, 1]])
    square = np.array([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], float)
    colour, depth = np.zeros((64, 64, 3), np.float32), np.full((64, 64), FAR_M, np.float32)
    for distance, value in ((3, 0.3), (2, 0.2), (4, 0.4)):
        rasterize(square * distance, QUAD, np.full((4, 3), value), intrinsics, colour, depth)
    np.testing.assert_allclose(colour, 0.2, atol=1e-6)


def test_rays_pass_through_the_centres_of_their_pixels():
    rotation, translation = look_at(np.array([3.0, -4.0, 1.6]), np.array([0.0, 0.2, 0.9]), 0.1)
    intrinsics = np.array([[200.0, 0, 70], [0, 210.0, 60], [0, 0, 1]])
    camera = Camera("cam0", 128, 96, intrinsics, np.zeros(5), rotation, translation)
    rays = pixel_rays(intrinsics, rotation, 128, 96)
    points = camera.position_m + 3.0 * rays[[10, 90], [5, 100]]
    np.testing.assert_allclose(camera.project(camera.world_to_camera(points)), [[5.5, 10.5], [100.5, 90.5]], atol=1e-3)


def test_the_floor_is_where_the_camera_sees_it():
    camera, room, _, _ = scene()
    rays = pixel_rays(camera.intrinsics_px, camera.rotation, 256, 256)
    depth, surface = room_depth(rays, camera.position_m, room.half_size_m)
    points = camera.position_m + rays * depth[..., None]
    assert (surface == 4).any() and (surface < 4).any()
    np.testing.assert_allclose(points[surface == 4][:, 2], 0, atol=1e-4)
    for index, (axis, sign) in enumerate(((0, 1), (0, -1), (1, 1), (1, -1))):
        on_wall = points[surface == index]
        np.testing.assert_allclose(on_wall[:, axis], sign * room.half_size_m[axis], atol=1e-3)
    assert points[..., 2].min() > -1e-3


@pytest.mark.parametrize("seed", range(3))
def test_projected_joints_lie_on_the_rendered_body(seed):
    camera, room, lamp, view = scene(seed=seed)
    vertices = rest_vertices()
    mesh = Mesh.of(BODY.faces, sample_clothes(BODY, np.random.default_rng(seed), False))
    image, coverage = draw(view, mesh, light_body(mesh, vertices, room, lamp), room)
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
    x0, y0, x1, y1 = body_window(camera, vertices, room.lamp_m)
    outside = np.ones((256, 256), bool)
    outside[y0:y1, x0:x1] = False
    np.testing.assert_array_equal(image[outside], view.image[outside])


def test_edges_are_antialiased_and_the_background_shines_through():
    _, room, lamp, view = scene()
    mesh = Mesh.of(BODY.faces, np.zeros((len(BODY.vertices_m), 3)))  # a black body
    image, coverage = draw(view, mesh, light_body(mesh, rest_vertices(), room, lamp), room)
    assert set(np.unique(coverage)) == {0, 0.25, 0.5, 0.75, 1}
    assert image[coverage == 1].max() == 0
    half = coverage == 0.5
    assert (image[half] <= view.image[half] // 2 + 2).all() and image[half].max() > 0


def test_a_box_in_front_hides_the_body_and_one_behind_does_not():
    vertices = rest_vertices()
    camera, *_ = scene()
    towards = camera.position_m * [1, 1, 0] / np.linalg.norm(camera.position_m[:2])
    for sign, hidden in ((1, True), (-1, False)):
        centre = sign * 1.0 * towards
        corners = cuboid(tuple(centre + [-0.45, -0.45, 0.0]), tuple(centre + [0.45, 0.45, 0.6]))
        camera, room, lamp, view = scene(boxes=Boxes(corners, CUBE_TRIANGLES))
        mesh = Mesh.of(BODY.faces, sample_clothes(BODY, np.random.default_rng(0), False))
        _, coverage = draw(view, mesh, light_body(mesh, vertices, room, lamp), room)
        ankle = camera.project(camera.world_to_camera([0.13, 0.01, 0.1])).astype(int)
        head = camera.project(camera.world_to_camera([0.0, 0.0, 1.65])).astype(int)
        assert coverage[ankle[1], ankle[0]] == (0 if hidden else 1)
        assert coverage[head[1], head[0]] == 1


def test_the_body_casts_a_shadow_on_the_floor_only_away_from_the_lamp():
    camera, room, lamp, view = scene()
    vertices = rest_vertices()
    mesh = Mesh.of(BODY.faces, np.ones((len(vertices), 3)))
    image, coverage = draw(view, mesh, light_body(mesh, vertices, room, lamp), room)
    chest = np.array([0.0, 0.0, 1.3])
    shadow = chest + chest[2] / (room.lamp_m[2] - chest[2]) * (chest - room.lamp_m)
    lit = -0.8 * shadow
    brightness = []
    for point in (shadow, lit):
        x, y = camera.project(camera.world_to_camera(point)).astype(int)
        assert coverage[y, x] == 0
        brightness.append(image[y, x].sum() / view.image[y, x].sum())
    assert brightness[0] < 0.85 and brightness[1] > 0.97


def test_normals_of_a_cube_point_outwards_with_length_one():
    corners = cuboid((-1, -1, -1), (1, 1, 1)).astype(np.float32)
    normals = Mesh.of(CUBE_TRIANGLES, np.zeros((8, 3))).normals(corners)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert ((normals * corners) > 0).all()


def test_a_body_out_of_sight_leaves_the_background():
    camera, room, lamp, view = scene()
    mesh = Mesh.of(BODY.faces, np.ones((len(BODY.vertices_m), 3)))
    right = camera.rotation[0] * 9
    image, coverage = draw(view, mesh, light_body(mesh, rest_vertices() + right, room, lamp), room)
    np.testing.assert_array_equal(image, view.image)
    assert not coverage.any()


def test_rooms_and_clothes_differ_by_seed_and_repeat_by_seed():
    first, again, other = (sample_clothes(BODY, np.random.default_rng(seed), False) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.05
    assert first.min() >= 0 and first.max() <= 1
    images = [scene(64, seed=seed)[3].image for seed in (1, 1, 2)]
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
    means = [scene(64, seed=seed)[3].image.mean() for seed in range(12)]
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


def test_rounding_to_bytes():
    np.testing.assert_array_equal(to_uint8(np.array([-1, 0, 0.5, 1, 2])), [0, 0, 128, 255, 255])
    assert cv2.__version__.startswith("5")
