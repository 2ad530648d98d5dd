// What this project asks of the Serverless Framework beyond its settings, as a plugin of it (osls 4 and v4 alike).
"use strict";

const { spawnSync } = require("node:child_process");
const { delimiter, join } = require("node:path");

const LONGEST_BUCKET_NAME = 63; // S3's rule

class ImagePipeline {
  constructor(serverless) {
    this.serverless = serverless;
    this.root = serverless.serviceDir;
    this.useTheProjectsPython();
    this.useTheBuildImageOfThisProcessor();
    this.hooks = {
      "before:package:createDeploymentArtifacts": () => this.check(),
      "before:invoke:local:invoke": () => this.setUp("recipe"),
    };
  }

  // `invoke local` and pip run the project's own environment, not whatever python3 is first on PATH.
  useTheProjectsPython() {
    process.env.VIRTUAL_ENV = join(this.root, ".venv");
    const bin = join(this.root, ".venv", process.platform === "win32" ? "Scripts" : "bin");
    process.env.PATH = [bin, process.env.PATH].join(delimiter);
  }

  // pip is told the target processor, so the image only has to run here: an arm64 one doesn't on x86-64.
  useTheBuildImageOfThisProcessor() {
    const options = this.serverless.service.custom?.pythonRequirements;
    if (!options || `${options.dockerizePip}` !== "true") return;
    const processor = process.arch === "arm64" ? "arm64" : "x86_64";
    options.dockerImage ??= `public.ecr.aws/sam/build-python3.13:latest-${processor}`;
  }

  // Found here, a mistake costs seconds; found by S3 or at a cold start, it costs a deployment.
  check() {
    for (const name of [this.serverless.service.custom.raw, this.serverless.service.custom.renditions]) {
      if (name.length > LONGEST_BUCKET_NAME || !/^[a-z0-9][a-z0-9-]*[a-z0-9]$/.test(name)) {
        throw new this.serverless.classes.Error(
          `The bucket name "${name}" has ${name.length} characters; S3 takes ${LONGEST_BUCKET_NAME} at most, of a-z, 0-9 and "-". ` +
            "Choose a shorter stage name in lower case.",
        );
      }
    }
    this.setUp("recipe");
  }

  setUp(command) {
    const bootstrap = join(this.root, "ops", "bootstrap.mjs");
    const { status } = spawnSync(process.execPath, [bootstrap, command], { cwd: this.root, stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new this.serverless.classes.Error("The recipe is not valid or the set-up failed, see above.");
  }
}

module.exports = ImagePipeline;
