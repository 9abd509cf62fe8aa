// Builds what is stale: bundles of the stack and the executor (dist/*.mjs), and the web app (.next).
//   npm run build            everything that is stale
//   npm run build -- --force everything
//   npm run build -- worker  the worker alone, as its image has it
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CHILD_BUNDLE } from "../executors/engines/child-bundle.mjs";
import { ensureInstalled } from "./install-packages.mjs";
import { endWith, runLogged, showStep, StepError } from "./run-step.mjs";

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** dist/<name>.mjs → its entry. */
const BUNDLES = {
  stack: "scripts/stack/main.ts",
  reset: "scripts/stack/reset.ts",
  worker: "executors/worker.ts",
  cli: "executors/cli.ts",
  "duckdb-child": "executors/engines/duckdb-child.ts",
};

/** What each target is made of. */
const SOURCES = {
  worker: ["contracts", "executors", "scripts/build.mjs"],
  bundles: ["contracts", "executors", "pipelines/demo-source", "scripts/stack", "scripts/lock-holder.mjs", "scripts/build.mjs"],
  web: ["app", "components", "contracts", "executors", "lib", "public", "next.config.ts", "proxy.ts", "instrumentation.ts", "postcss.config.mjs", "tsconfig.json", "tsconfig.base.json"],
};
const WORKER = ["worker", "duckdb-child"];
const OUTPUTS = {
  worker: WORKER.map((name) => `dist/${name}.mjs`),
  bundles: Object.keys(BUNDLES).map((name) => `dist/${name}.mjs`),
  web: [".next/BUILD_ID"],
};
const NOTE = path.join(ROOT, "dist/.built");

function hashOf(target) {
  const hash = createHash("sha256").update(process.version);
  for (const source of [...SOURCES[target], "package.json", "package-lock.json"]) addTo(hash, source);
  return hash.digest("hex");
}

function addTo(hash, place) {
  const full = path.join(ROOT, place);
  if (!existsSync(full)) return;
  if (statSync(full).isDirectory()) {
    for (const name of readdirSync(full).sort()) {
      if (name !== "node_modules" && !name.startsWith(".") && !/\.test\.tsx?$/.test(name)) addTo(hash, `${place}/${name}`);
    }
    return;
  }
  hash.update(`${place}\0`).update(createHash("sha256").update(readFileSync(full)).digest());
}

function readNote() {
  try {
    return JSON.parse(readFileSync(NOTE, "utf8"));
  } catch {
    return {}; // absent or damaged: everything counts as stale
  }
}

function writeNote(target, hash) {
  const temporary = `${NOTE}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify({ ...readNote(), [target]: hash }));
  renameSync(temporary, NOTE);
}

async function bundle(names) {
  const entries = Object.fromEntries(names.map((name) => [name, BUNDLES[name]]));
  for (const entry of Object.values(entries)) {
    if (!existsSync(path.join(ROOT, entry))) {
      throw new StepError("source_missing", `${entry} is missing from the checkout.`, "Restore it with `git checkout -- .`, or clone again.");
    }
  }
  const esbuild = await import("esbuild");
  const { "duckdb-child": child, ...programs } = entries;
  try {
    await esbuild.build({ ...CHILD_BUNDLE, absWorkingDir: ROOT, entryPoints: [child], outfile: "dist/duckdb-child.mjs", logLevel: "silent" });
    await esbuild.build({
      absWorkingDir: ROOT,
      entryPoints: Object.entries(programs).map(([out, entry]) => ({ out, in: entry })),
      outdir: "dist",
      outExtension: { ".js": ".mjs" },
      bundle: true,
      packages: "external",
      platform: "node",
      format: "esm",
      target: "node20.19",
      logLevel: "silent",
    });
  } catch (error) {
    throw new StepError("bundle_failed", error.message, "Restore the sources with `git checkout -- .`, or report this with the text above.");
  } finally {
    await esbuild.stop();
  }
}

function buildWeb() {
  return runLogged(process.execPath, [path.join(ROOT, "node_modules/next/dist/bin/next"), "build"], {
    cwd: ROOT,
    env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
    log_file: path.join(ROOT, "dist/web-build.log"),
    code: "web_build_failed",
    remedy: "Free memory (the build needs about 1 GB) or restore the sources with `git checkout -- .`, then start again.",
  });
}

const WORK = { worker: ["Worker", () => bundle(WORKER)], bundles: ["Bundles", () => bundle(Object.keys(BUNDLES))], web: ["Web app built", buildWeb] };

/** Builds the targets (`bundles`, `web`) whose sources, lock file or Node version changed since they were built. */
export async function ensureBuilt(targets, { force = false } = {}) {
  mkdirSync(path.join(ROOT, "dist"), { recursive: true });
  for (const target of targets) {
    const hash = hashOf(target);
    const complete = OUTPUTS[target].every((file) => existsSync(path.join(ROOT, file)));
    if (!force && complete && readNote()[target] === hash) continue;
    const [title, work] = WORK[target];
    await showStep(title, work);
    writeNote(target, hash);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const force = process.argv.includes("--force");
  if (force) rmSync(NOTE, { force: true });
  // The image installs what the worker needs, which is not all that the lock file names.
  const built = process.argv.includes("worker") ? ensureBuilt(["worker"], { force }) : ensureInstalled(ROOT).then(() => ensureBuilt(["bundles", "web"], { force }));
  built.catch(endWith);
}
