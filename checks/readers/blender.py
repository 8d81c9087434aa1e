"""A GLB or BVH file as Blender imports it: heads of the armature's bones, metres, z up."""

import json
import sys

import bpy

path, fps = sys.argv[1], float(sys.argv[2])
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps = round(fps)
if path.endswith(".bvh"):
    bpy.ops.import_anim.bvh(filepath=path, global_scale=0.01, update_scene_fps=True, update_scene_duration=True)
else:
    bpy.ops.import_scene.gltf(filepath=path)
(armature,) = [each for each in bpy.data.objects if each.type == "ARMATURE"]
first, last = (round(edge) for edge in armature.animation_data.action.frame_range)
names = [bone.name for bone in armature.pose.bones]
positions = []
for frame in range(first, last + 1):
    scene.frame_set(frame)
    positions.append([list(armature.matrix_world @ bone.head) for bone in armature.pose.bones])
rate = scene.render.fps / scene.render.fps_base
print(
    "READ",
    json.dumps({"names": names, "positions": positions, "rate": rate, "version": bpy.app.version_string}),
    "\nEND",
)
