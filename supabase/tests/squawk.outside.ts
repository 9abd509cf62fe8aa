/**
 * squawk on every migration: what would lock or break a database that is in use. Run: `npx tsx supabase/tests/squawk.outside.ts`. Makes a
 * venv in the cache folder with squawk-cli from PyPI; the rules left out, and why, are in .squawk.toml. Exits 1 where it finds anything.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./support/test-server.ts";

const version = "2.70.0";
const venv = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "lakehouse-control-room", `squawk-${version}`);
const squawk = join(venv, "bin", "squawk");
if (!existsSync(squawk)) {
  execFileSync("python3", ["-m", "venv", venv], { stdio: "inherit" });
  execFileSync(join(venv, "bin", "pip"), ["install", "--quiet", `squawk-cli==${version}`], { stdio: "inherit", timeout: 300_000 });
}
const { status } = spawnSync(squawk, ["--config", ".squawk.toml", "supabase/migrations/*.sql"], { cwd: ROOT, stdio: "inherit", timeout: 60_000 });
if (status !== 0) throw new Error("squawk found something");
