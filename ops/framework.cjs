// What this project asks of the Serverless Framework beyond its settings, as a plugin of it (osls 4 and v4 alike).
"use strict";

const { spawnSync } = require("node:child_process");
const { delimiter, join, resolve } = require("node:path");

const LONGEST_BUCKET_NAME = 63; // S3's rule
const PARTITIONS = { "cn-": "aws-cn", "us-gov-": "aws-us-gov" }; // by how their regions begin; all others are "aws"

class ImagePipeline {
  constructor(serverless) {
    this.serverless = serverless;
    this.root = serverless.serviceDir;
    this.useTheProjectsPython();
    this.useTheBuildImageOfThisProcessor();
    this.hooks = {
      initialize: () => this.answerReferencesToTopics(),
      "before:package:createDeploymentArtifacts": () => this.check(),
      "before:deploy:function:packageFunction": () => this.check(),
      "before:invoke:local:invoke": () => this.compileTheRecipe(),
      // By then the requirements are in the zip, and its hash is not taken yet.
      "before:package:compileFunctions": () => this.addBytecode(),
      "before:deploy:function:deploy": () => this.addBytecode(),
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

  // CloudFormation answers a !Ref when it deploys. `print` and `invoke local` do not ask it, and the name is known.
  answerReferencesToTopics() {
    const command = this.serverless.processedInput.commands.join(" ");
    if (command !== "print" && command !== "invoke local") return;
    const { functions, provider, resources } = this.serverless.service;
    const [, partition] = Object.entries(PARTITIONS).find(([start]) => provider.region.startsWith(start)) ?? [, "aws"];
    for (const { environment } of Object.values(functions)) {
      for (const [name, value] of Object.entries(environment ?? {})) {
        const topic = resources.Resources[value?.Ref];
        if (topic?.Type !== "AWS::SNS::Topic") continue;
        const account = environment.EXPECTED_BUCKET_OWNER;
        environment[name] = `arn:${partition}:sns:${provider.region}:${account}:${topic.Properties.TopicName}`;
      }
    }
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
    this.compileTheRecipe();
  }

  // The function reads recipe.json, which is written here from the recipe.toml beside it.
  compileTheRecipe() {
    this.ask("recipe", [], "The recipe is not valid or the set-up failed, see above.");
  }

  // A package without bytecode works too: each cold start then compiles what it imports.
  addBytecode() {
    const { custom, functions, package: shared } = this.serverless.service;
    const zip = resolve(this.root, shared.artifact ?? Object.values(functions)[0].package.artifact);
    const { dockerizePip, dockerImage } = custom.pythonRequirements;
    this.ask("bytecode", [zip, ...(`${dockerizePip}` === "true" ? [dockerImage] : [])], "The package's bytecode could not be made, see above.");
  }

  ask(command, args, refusal) {
    const bootstrap = join(this.root, "ops", "bootstrap.mjs");
    const { status } = spawnSync(process.execPath, [bootstrap, command, ...args], { cwd: this.root, stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new this.serverless.classes.Error(refusal);
  }
}

module.exports = ImagePipeline;
