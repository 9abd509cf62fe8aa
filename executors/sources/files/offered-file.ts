import type { Readable } from "node:stream";

/** A file that a source has. */
export interface OfferedFile {
  /** Its path below the connection. Files land in the order of their names. */
  name: string;
  /** The ETag, or what else tells its content apart without its bytes; null where only they do. */
  identity: string | null;
  /** Its bytes from the beginning; throws where they are no longer those of `identity`. */
  open(): Promise<Readable>;
  /** Tells that it is not opened (any more). */
  release(): void;
}

/** How to order: the same on every machine. */
export function byName(one: { name: string }, other: { name: string }): number {
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0;
}
