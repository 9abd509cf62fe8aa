#!/usr/bin/env node
import { existsSync } from "node:fs";

const bundle = new URL("../../dist/cli.mjs", import.meta.url);
if (!existsSync(bundle)) {
  process.stderr.write("The command line is not built yet. (not_built)\n  What to do: run `npm run build`, or `npm start` once.\n");
  process.exit(2);
}
await import(bundle.href);
