/** Whether what lies in node_modules is what package-lock.json names. */
export function isInstalled(root: string): boolean;

/** Installs where it is not. Rejects with `install_failed`. */
export function ensureInstalled(root: string): Promise<void>;
