import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** The line to the database, on which a test can put latency, silence and resets. */
export interface Link {
  /** `url` with this line's port in place of its own. */
  through(url: string): string;
  /** Each packet of either direction comes so much later. */
  delay(ms: number): void;
  /** Nothing passes any more, and nobody is told. */
  cut(): void;
  /** Every connection ends at once. */
  sever(): void;
  heal(): void;
  close(): Promise<void>;
}

export async function openLink(): Promise<Link> {
  const thread = new Worker(new URL("link-thread.mjs", import.meta.url));
  const [{ port }] = (await once(thread, "message")) as [{ port: number }];
  const tell = (message: { target?: number; delay_ms?: number; cut?: true; heal?: true; sever?: true }): void => thread.postMessage(message);
  return {
    through(url) {
      const changed = new URL(url);
      tell({ target: Number(changed.port) });
      changed.port = String(port);
      return changed.href;
    },
    delay: (delay_ms) => tell({ delay_ms }),
    cut: () => tell({ cut: true }),
    sever: () => tell({ sever: true }),
    heal: () => tell({ heal: true }),
    async close() {
      await thread.terminate();
    },
  };
}
