// Every npm script comes through here: set up what is missing, then run the Python side.
// Only Node's standard library, because this runs before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const windows = process.platform === "win32";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const venv = join(root, ".venv");
const venvBin = join(venv, windows ? "Scripts" : "bin");
const python = join(venvBin, windows ? "python.exe" : "python");
const npmBin = join(root, "node_modules", ".bin");
const requirements = ["requirements.txt", "requirements-dev.txt"];

// Relative paths on the command line are the caller's; npm changes the directory and tells in INIT_CWD.
process.env.INIT_CWD ??= process.cwd();
process.env.VIRTUAL_ENV = venv;
process.env.PATH = [npmBin, venvBin, process.env.PATH].join(delimiter);

const commands = {
  start: ["-m", "ops", "start"],
  ops: ["-m", "ops"],
  test: ["-m", "ops", "test"],
  quick: ["-m", "ops", "test", "--quick"],
  bench: ["-m", "benchmarks"],
  remove: ["-m", "ops", "remove"],
  "verify-package": ["-m", "ops", "verify-package"],
  // Asked by the framework, see framework.cjs.
  recipe: ["-m", "ops", "check"],
  bytecode: ["-m", "ops.package_bytecode"],
};

function fail(message) {
  console.error(`\n${message}`);
  process.exit(1);
}

const say = (message) => process.stderr.write(`${message}\n`);

const fingerprint = (...names) => {
  const hash = createHash("sha256");
  for (const name of names) hash.update(readFileSync(join(root, name)));
  return hash.digest("hex");
};

const stampSays = (path, value) => existsSync(path) && readFileSync(path, "utf8") === value;

// The npm that started this script, run by this Node: `npm` alone is a .cmd file on Windows.
function npm(...args) {
  const started = process.env.npm_execpath?.endsWith("npm-cli.js");
  const [program, first] = started ? [process.execPath, [process.env.npm_execpath]] : ["npm", []];
  return spawnSync(program, [...first, ...args], { cwd: root, stdio: "inherit", shell: windows && !started });
}

function setUpNode() {
  const stamp = join(root, "node_modules", ".set-up");
  const wanted = fingerprint("package-lock.json");
  if (stampSays(stamp, wanted)) return;
  say("Setting up: the Serverless Framework (npm ci, about 100 MB in node_modules) ...");
  rmSync(stamp, { force: true }); // a set-up that fails leaves no stamp
  // --ignore-scripts: nothing here needs an install script, and none can then run on this machine.
  const { status } = npm("ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error");
  if (status !== 0) fail("npm ci failed, see above. Is the npm registry reachable? Then run the command again.");
  writeFileSync(stamp, wanted);
}

function findPython() {
  const probe = "import sys; print(*sys.version_info[:2], sys.implementation.name); import ensurepip, venv";
  const seen = [];
  // Lambda's own version first, then whatever the machine has.
  for (const name of ["python3.13", "python3", "python3.12", "python3.11", "python", "py"]) {
    const { stdout, status } = spawnSync(name, ["-c", probe], { encoding: "utf8" });
    const [major, minor, implementation] = (stdout ?? "").trim().split(" ");
    if (!implementation) continue; // not there, or a stand-in for something that isn't
    const fits = implementation === "cpython" && Number(major) === 3 && Number(minor) >= 11;
    if (fits && status === 0) return name;
    seen.push(`${name} is ${implementation} ${major}.${minor}${fits ? " without its venv module" : ""}`);
  }
  fail(
    "CPython 3.11 or newer is needed, with its venv module " +
      `(${seen.join(", ") || "no Python was found on PATH"}).\n` +
      "Debian, Ubuntu: apt-get install python3 python3-venv   macOS: brew install python@3.13   " +
      "Windows: winget install Python.Python.3.13",
  );
}

function setUpPython() {
  const stamp = join(venv, ".set-up");
  const wanted = fingerprint(...requirements);
  if (existsSync(python) && stampSays(stamp, wanted)) return Promise.resolve();
  rmSync(stamp, { force: true });
  if (!existsSync(python)) {
    const found = findPython();
    say(`Setting up: a Python environment in .venv (${found} -m venv) ...`);
    const { status } = spawnSync(found, ["-m", "venv", "--clear", venv], { stdio: "inherit" });
    if (status !== 0) fail("The Python environment could not be made, see above.");
  }
  return installPackages().then(() => writeFileSync(stamp, wanted));
}

// pip names each package as it comes to it: counted, that is the progress; kept, it explains a failure.
function installPackages() {
  const pinned = new Set(requirements.flatMap((name) => readFileSync(join(root, name), "utf8").match(/^[\w.-]+(?===)/gm)));
  say(`Setting up: ${pinned.size} Python packages, each checked against its hash ...`);
  const files = requirements.flatMap((name) => ["-r", name]);
  const pip = spawn(
    python,
    ["-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "--progress-bar=off", ...files],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"] },
  );
  const seen = new Set();
  let output = "";
  const show = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
  pip.stdout.on("data", (chunk) => {
    output += chunk;
    for (const [, name] of `${chunk}`.matchAll(/^(?:Collecting|Requirement already satisfied:) ([\w.-]+)/gm)) {
      seen.add(name);
      show(`  ${Math.min(seen.size, pinned.size)} of ${pinned.size}  ${name}`);
    }
    if (`${chunk}`.includes("Installing collected packages")) show("  installing");
  });
  pip.stderr.on("data", (chunk) => (output += chunk));
  return new Promise((resolve) =>
    pip.on("close", (status) => {
      show("");
      if (status === 0) return resolve();
      fail(`${output.split("\n").slice(-30).join("\n")}\nThe Python packages could not be installed, see above.`);
    }),
  );
}

// Stands in for exec, which Node lacks: same terminal, same signals, same exit code.
function run(program, args) {
  const child = spawn(program, args, { cwd: root, stdio: "inherit" });
  let last = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // A terminal has told the child already, and npm passes on what everybody got: once is enough.
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      if (Date.now() - last > 1000) child.kill(signal);
      last = Date.now();
    });
  }
  // npm passes SIGTERM to its shell alone, which dies of it and leaves us behind.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), 500).unref();
  child.on("error", (error) => fail(`${program} could not be started: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function lock(extra) {
  for (const name of requirements) {
    const options = ["--universal", "--python-version=3.11", "--generate-hashes", "--no-header", "--quiet"];
    const compile = ["pip", "compile", name.replace(".txt", ".in"), "-o", name, ...options, ...extra];
    say(`uv ${compile.join(" ")}`);
    const { status } = spawnSync(join(venvBin, "uv"), compile, { cwd: root, stdio: "inherit" });
    if (status !== 0) fail(`${name} was not refreshed, see above.`);
  }
  // Without the registry's address in it, the lock file works behind a mirror too.
  const { status } = npm("install", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved");
  process.exit(status ?? 1);
}

const [command, ...args] = process.argv.slice(2);
if (command !== "lock" && !(command in commands)) fail(`usage: node ops/bootstrap.mjs ${Object.keys(commands).join("|")}|lock [ARG ...]`);
if (Number(process.versions.node.split(".")[0]) < 20) fail(`Node 20 or newer is needed; this is ${process.version}.`);
// The framework can't have the node_modules it runs from set up again beneath it.
if (!["recipe", "bytecode"].includes(command)) setUpNode();
await setUpPython();
if (command === "lock") lock(args);
else run(python, [...commands[command], ...args]);
