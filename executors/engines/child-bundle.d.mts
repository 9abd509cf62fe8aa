import type { BuildOptions } from "esbuild";
export const CHILD_BUNDLE: BuildOptions & { write?: undefined };
