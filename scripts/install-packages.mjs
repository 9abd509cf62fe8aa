// Installs the packages where they are missing or not those of package-lock.json.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { runLogged, showStep } from "./run-step.mjs";

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  } catch (error) {
    if (error.code === "ENOENT" || error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * Whether what lies in node_modules is what the lock file names. Compared by content: times of files mean nothing after
 * a checkout or a copy. Optional packages may be absent (other platforms).
 */
export function isInstalled(root) {
  const wanted = readPackages(path.join(root, "package-lock.json"));
  const present = readPackages(path.join(root, "node_modules/.package-lock.json"));
  if (present === null) return false;
  if (wanted === null) return true;
  for (const [place, entry] of Object.entries(wanted)) {
    if (!place.includes("node_modules/") || entry.link) continue;
    const found = present[place];
    if (found === undefined ? !entry.optional && !entry.devOptional && !entry.peer : !same(found, entry)) return false;
  }
  return true;
}

// The hash decides. npm notes the version that a package states of itself, which need not be the one it was published as.
function same(found, entry) {
  return entry.integrity === undefined ? found.version === entry.version : found.integrity === entry.integrity;
}

/** Installs where it is not. Rejects with `install_failed`. */
export async function ensureInstalled(root) {
  if (isInstalled(root)) return;
  const has_lock = existsSync(path.join(root, "package-lock.json"));
  await showStep("Packages", async () => {
    if (!has_lock) return npm(root, ["install"]);
    try {
      await npm(root, ["ci"]);
    } catch (error) {
      // A registry that lacks the packages of other platforms makes `npm ci` call a good lock file incomplete.
      // `install` takes the same versions from the lock file, and with --no-save leaves it as it is.
      if (!readFileSync(logFile(root), "utf8").includes("npm error code EUSAGE")) throw error;
      await npm(root, ["install", "--no-save"]);
    }
  });
}

function logFile(root) {
  return path.join(root, "dist/install.log");
}

function npm(root, args) {
  // The very npm that runs us; on Windows `npm` is no program that spawn could start.
  const command = process.env.npm_execpath?.endsWith(".js") ? [process.execPath, process.env.npm_execpath] : ["npm"];
  // Install scripts are not needed: what they would do, the start does itself.
  const options = ["--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund"];
  return runLogged(command[0], [...command.slice(1), ...args, ...options], {
    cwd: root,
    env: process.env,
    log_file: logFile(root),
    code: "install_failed",
    remedy: "Check the network and the registry (`npm ping`), then start again.",
  });
}
