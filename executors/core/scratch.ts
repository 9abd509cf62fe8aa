import type { ArtifactContent } from "./upload.ts";

/** Grows by chunks; `done` answers what was written, as an artifact's content. */
export interface NewFile {
  write(chunk: Uint8Array): Promise<void>;
  done(): Promise<ArtifactContent>;
}

/** Where phases keep files while they work. The core knows no file system: each kind of executor brings its own. */
export interface Scratch {
  /** An empty folder of one phase's attempt. */
  open(): Promise<string>;
  /** Removes it with all in it. Never rejects. */
  close(folder: string): Promise<void>;
  /** A file of its own in the folder. */
  create(folder: string, name: string): Promise<NewFile>;
  /** SHA-256 and size of a file, in one pass with constant memory. */
  hash(file: string): Promise<{ sha256: string; byte_size: number }>;
  /** Its bytes, to be sent. */
  stream(file: string): ReadableStream<Uint8Array>;
}
