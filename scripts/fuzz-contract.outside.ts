/**
 * Schemathesis against a running product: every operation of contracts/openapi.yaml with examples, coverage, fuzzing and stateful
 * phases as an admin, and those of executing as an executor. No answer of 5xx, no status, content type or body that the contract
 * does not name, and no operation that answers without a token or with a wrong one.
 *
 * Run: `npx tsx scripts/fuzz-contract.outside.ts [SEED]`. Makes a venv in the cache folder with schemathesis from PyPI. Under four
 * minutes. A seed makes the same requests, as far as its passes get in their time; failures print the request as curl. Exits 1 at a failure.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { request } from "../executors/cli/connection.ts";
import { aTenant, anExecutor } from "../executors/testing/live.ts";
import { idleSpec } from "../executors/testing/specs.ts";
import { ensureBuilt, ROOT } from "./build.mjs";
import { startChaosStack } from "./chaos/stack.ts";

const version = "4.32.5";
const checks = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance", "ignored_auth"];
/** A pass is a program of its own, so that each phase has its time whatever the others take. Coverage ends by itself. */
const passes = [
  { who: "an admin", phases: "examples,coverage", seconds: 100, only: [] },
  { who: "an admin", phases: "fuzzing", seconds: 40, only: [] },
  { who: "an admin", phases: "stateful", seconds: 20, only: [] },
  { who: "an executor", phases: "coverage,fuzzing", seconds: 25, only: ["--include-path-regex", "^/(api/v1/)?(claims|reports|runs/|objects)"] },
] as const;

function schemathesis(): string {
  const venv = path.join(process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache"), "lakehouse-control-room", `schemathesis-${version}`);
  if (!existsSync(path.join(venv, "ready"))) {
    execFileSync("python3", ["-m", "venv", venv], { stdio: "inherit" });
    execFileSync(path.join(venv, "bin/pip"), ["install", "--quiet", `schemathesis==${version}`], { stdio: "inherit", timeout: 600_000 });
    execFileSync("touch", [path.join(venv, "ready")]);
  }
  return path.join(venv, "bin/schemathesis");
}

const seed = process.argv[2] ?? "1";
const program = schemathesis();
await ensureBuilt(["bundles", "web"]);
const stack = await startChaosStack();
const folder = mkdtempSync(path.join(tmpdir(), "fuzz-contract-"));
// Of methods that no operation has, TRACE is left out: Node's Request refuses it, so Next answers 500 before any code of ours.
writeFileSync(path.join(folder, "schemathesis.toml"), '[phases.coverage]\nunexpected-methods = ["get", "put", "post", "delete", "patch", "options"]\n');
const failed: string[] = [];
try {
  const tenant = await aTenant(stack.live);
  const executor = await anExecutor(stack.live, tenant);
  for (let nth = 0; nth < 5; nth += 1) await request(tenant.api, "create_run", { body: { spec: idleSpec(["first", "second"]) } });
  const tokens = { "an admin": tenant.api.token, "an executor": executor.token };
  for (const { who, phases, seconds, only } of passes) {
    console.log(`\nAs ${who}: ${phases}, seed ${seed}`);
    // Not spawnSync: the gateway of the stack lives in this process. One worker: Python 3.11 parses its own source in threads wrongly
    // (python/cpython #106905), and one order of requests is what a seed is for.
    const child = spawn(program, [
      "run", path.join(ROOT, "contracts/openapi.yaml"), "--url", `${tenant.api.url}/api/v1`, "-H", `Authorization: Bearer ${tokens[who]}`, "--checks", checks.join(","),
      "--phases", phases, "--max-time", String(seconds), "--max-examples", "20", "--seed", seed, "--workers", "1", "--request-timeout", "30", "--continue-on-failure", "--no-shrink",
      "--suppress-health-check", "all", "--warnings", "off", ...only,
    ], { cwd: folder, stdio: ["ignore", "inherit", "inherit"], timeout: (seconds + 60) * 1000, env: { ...process.env, NO_COLOR: "1" } });
    const [status] = (await once(child, "exit")) as [number | null];
    if (status !== 0) failed.push(`${who}, ${phases}`);
  }
} finally {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}
if (failed.length > 0) console.error(`\nThe contract does not hold: ${failed.join("; ")}.`);
process.exit(failed.length > 0 ? 1 : 0);
