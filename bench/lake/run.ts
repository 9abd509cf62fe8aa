/**
 * npm run bench:lake -- [--scale small|full]: what the lake costs, against yardsticks measured in the same run. Nothing here fails for being slow;
 * targets stand beside the figures. Small: a million rows; full: ten. A product of its own is started; dbt-duckdb comes from PyPI, once.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { type Figure, printFigures } from "../figures.ts";
import { incremental } from "./incremental.ts";
import { medallion } from "./medallion.ts";
import { upload } from "./upload.ts";

const scale = process.argv.includes("full") ? "full" : "small";
const rows = scale === "full" ? 10_000_000 : 1_000_000;
const folder = mkdtempSync(path.join(tmpdir(), "control room lake "));
const figures: Figure[] = [];
try {
  figures.push(...(await medallion(path.join(folder, "medallion"), rows)));
  figures.push(...(await incremental(folder, rows)));
  figures.push(...(await upload(folder, scale === "full" ? 5000 : 500)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
printFigures(figures, `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? "unknown"}, Node ${process.versions.node}, scale ${scale}`);
