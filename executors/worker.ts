import { runExecutor } from "./cli/executor.ts";

process.exitCode = await runExecutor(process.env);
