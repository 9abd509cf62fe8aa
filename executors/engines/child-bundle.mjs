/** How the engine's child is bundled: its JavaScript is inside, because loading it file by file takes half of a start. */
export const CHILD_BUNDLE = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20.19",
  external: ["@duckdb/node-bindings"],
  banner: { js: 'import { createRequire as createRequireOfBundle } from "node:module"; const require = createRequireOfBundle(import.meta.url);' },
};
