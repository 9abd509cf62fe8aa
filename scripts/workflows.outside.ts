/**
 * actionlint and zizmor on the workflows: what GitHub would not run as meant, and what an attacker could use. Run: `npx tsx scripts/workflows.outside.ts`. Needs Go
 * (actionlint from the module proxy) and Python (zizmor from PyPI), both kept in the cache folder. Exits 1 where either finds anything.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { ROOT } from "./build.mjs";

const actionlint = "1.7.12";
const zizmor = "1.32.0";
const cache = path.join(process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache"), "lakehouse-control-room");

const go = path.join(cache, `actionlint-${actionlint}`);
if (!existsSync(path.join(go, "actionlint"))) {
  mkdirSync(go, { recursive: true });
  execFileSync("go", ["install", `github.com/rhysd/actionlint/cmd/actionlint@v${actionlint}`], { stdio: "inherit", env: { ...process.env, GOBIN: go }, timeout: 300_000 });
}
const venv = path.join(cache, `zizmor-${zizmor}`);
if (!existsSync(path.join(venv, "bin/zizmor"))) {
  execFileSync("python3", ["-m", "venv", venv], { stdio: "inherit" });
  execFileSync(path.join(venv, "bin/pip"), ["install", "--quiet", `zizmor==${zizmor}`], { stdio: "inherit", timeout: 300_000 });
}
// Named one by one: actionlint looks for a repository otherwise, and a checkout need not be one.
const workflows = readdirSync(path.join(ROOT, ".github/workflows")).map((name) => `.github/workflows/${name}`);
const runs = [
  spawnSync(path.join(go, "actionlint"), workflows, { cwd: ROOT, stdio: "inherit", timeout: 60_000 }),
  spawnSync(path.join(venv, "bin/zizmor"), ["--offline", "--persona", "regular", ".github"], { cwd: ROOT, stdio: "inherit", timeout: 60_000 }),
];
if (runs.some(({ status }) => status !== 0)) throw new Error("actionlint or zizmor found something");
