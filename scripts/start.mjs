// npm start: installs and builds what is stale, then runs the whole control room until Ctrl-C.
//   npm start                    everything
//   npm start -- --backend       only database, REST and auth (for `npm run dev`)
// Plain JavaScript without packages, in a form that old versions of Node can read far enough to say what they lack.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Node ${process.versions.node} is too old: this needs 20.19 or later. (node_too_old)\n  What to do: install Node 24 from https://nodejs.org, or run \`nvm install\` in this folder.\n`);
  process.exit(1);
}

const { pathToFileURL } = await import("node:url");
const path = await import("node:path");
const { dataFolder, describeHolder, readHolder } = await import("./lock-holder.mjs");
const { endWith, StepError } = await import("./run-step.mjs");
const { ensureInstalled } = await import("./install-packages.mjs");
const { ensureBuilt, ROOT } = await import("./build.mjs");

try {
  // Before anything is touched: installing or building would pull the ground from under a stack that runs.
  const data_dir = dataFolder(ROOT);
  const holder = readHolder(data_dir);
  if (holder !== null) {
    const { message, remedy } = describeHolder(data_dir, holder);
    throw new StepError("already_running", message, remedy);
  }
  await ensureInstalled(ROOT);
  await ensureBuilt(process.argv.includes("--backend") ? ["bundles"] : ["bundles", "web"]);
} catch (error) {
  endWith(error);
}
// In this very program, so that a signal reaches the one that stops the parts, whoever sends it.
await import(pathToFileURL(path.join(ROOT, "dist/stack.mjs")).href);
