/** A running program, told apart from a later one that got the same pid. `started` is opaque; compare for equality. */
export type Identity = { pid: number; started: string };

/** Who holds a data folder: its program, since when (ISO 8601), and its address once it has one. */
export type Holder = Identity & { since: string; app_url: string | null };

/**
 * When the program `pid` was started, as an opaque text, or null where no such program runs (a zombie does not run).
 * Linux: boot id and start tick of /proc; elsewhere what `ps` says, to the second.
 */
export function startedAt(pid: number): string | null;

export function isRunning(identity: Identity): boolean;

/** The running holder of the data folder, or null: a lock whose program is gone counts as free. */
export function readHolder(data_dir: string): Holder | null;

export function describeHolder(data_dir: string, holder: Holder): { message: string; remedy: string };

/** CONTROL_ROOM_DATA_DIR, or `.data` in the checkout; absolute. */
export function dataFolder(root: string, environment?: Record<string, string | undefined>): string;
