import { main } from "../../cli/main.ts";

process.exitCode = await main(["conformance", ...process.argv.slice(2)]);
