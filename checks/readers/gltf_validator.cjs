// A GLB file as Khronos' validator sees it: node gltf_validator.cjs NODE_MODULES FILE
const fs = require("fs");
const validator = require(process.argv[2] + "/gltf-validator");

validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[3]))).then((report) => {
  const read = {
    errors: report.issues.numErrors,
    warnings: report.issues.numWarnings,
    messages: report.issues.messages,
    version: report.validatorVersion,
  };
  console.log("READ " + JSON.stringify(read) + "\nEND");
});
