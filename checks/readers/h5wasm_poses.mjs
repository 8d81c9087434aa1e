// The first sequence of a sequences.h5 as HDF5 in a browser reads it: node h5wasm_poses.mjs NODE_MODULES FILE
import { readFileSync } from "fs";
const modules = process.argv[2] + "/h5wasm";
const h5wasm = await import(modules + "/dist/node/hdf5_hl.js");
await h5wasm.ready;

const file = new h5wasm.File(process.argv[3], "r");
let group = file;
while (!group.keys().includes("poses_world_m")) group = group.get(group.keys()[0]);
const read = {
  positions: group.get("poses_world_m").to_array(),
  rate: group.attrs["fps"].value,
  version: JSON.parse(readFileSync(modules + "/package.json")).version,
};
console.log("READ " + JSON.stringify(read) + "\nEND");
