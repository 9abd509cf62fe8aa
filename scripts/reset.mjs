// npm run reset: clears the data folder after asking. `npm run reset -- --yes` asks nothing.
process.argv.splice(2, 0, "reset");
await import("./run-built.mjs");
