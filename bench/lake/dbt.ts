import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Measured, measuredProgram } from "./measured.ts";
import { gold, silver } from "./medallion-sql.ts";
import { DUCKDB_COLUMNS } from "./order-file.ts";

const PACKAGES = ["dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb==1.5.5"];

/** The same by dbt-duckdb, each table as a Parquet file; null, with a line that says why, where it cannot be had. */
export async function dbt(csv: string, folder: string): Promise<Measured | null> {
  const program = installed();
  if (program === null) return null;
  await mkdir(join(folder, "models"), { recursive: true });
  const model = (name: string, sql: string): Promise<void> =>
    writeFile(join(folder, "models", `${name}.sql`), `{{ config(materialized='external', location='${folder}/${name}.parquet', options={'compression': 'snappy'}) }}\n${sql}\n`);
  await model("bronze", `select * from read_csv('${csv}', header = true, columns = ${DUCKDB_COLUMNS}) order by id`);
  await model("silver", `${silver("{{ ref('bronze') }}")} order by id`);
  await model("gold", `${gold("{{ ref('silver') }}")} order by month, product_id`);
  await writeFile(join(folder, "dbt_project.yml"), "name: bench\nversion: '1.0.0'\nprofile: bench\nmodel-paths: [models]\nflags: { send_anonymous_usage_stats: false }\n");
  await writeFile(join(folder, "profiles.yml"), `bench:\n  target: only\n  outputs:\n    only: { type: duckdb, path: ':memory:', threads: 2, config_options: { threads: 2, memory_limit: 1024MiB, temp_directory: '${folder}/spill' }, settings: { TimeZone: UTC } }\n`);
  return measuredProgram(program, ["run", "--project-dir", folder, "--profiles-dir", folder], { cwd: folder, env: { ...process.env, DBT_SEND_ANONYMOUS_USAGE_STATS: "false" } });
}

/** The venv stays for the next bench: making it takes a minute. */
function installed(): string | null {
  const venv = fileURLToPath(new URL("../../node_modules/.cache/control-room/dbt", import.meta.url));
  const program = join(venv, "bin/dbt");
  if (existsSync(program)) return program;
  try {
    execFileSync("python3", ["-m", "venv", "--clear", venv], { stdio: "pipe" });
    execFileSync(join(venv, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", ...PACKAGES], { stdio: "pipe" });
    return program;
  } catch (error) {
    console.log(`dbt-duckdb is skipped, no venv with ${PACKAGES.join(" ")} could be made (it takes python3 with venv, and PyPI): ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
    return null;
  }
}
