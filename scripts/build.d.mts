/** The checkout. */
export const ROOT: string;
/** Builds the targets whose sources, lock file or Node version changed since they were built. */
export function ensureBuilt(targets: ("bundles" | "web")[], options?: { force?: boolean }): Promise<void>;
