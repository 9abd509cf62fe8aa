import { minimalExecutor } from "./minimal-executor.ts";

await minimalExecutor();
