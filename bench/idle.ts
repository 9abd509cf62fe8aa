import type { Product } from "../scripts/running-product.mjs";
import type { Figure } from "./figures.ts";
import { processorSeconds } from "./processor.ts";
import { anExecutor } from "./throughput.ts";

/** As long as a worker waits in one call (executors/core/loop.ts). */
const waitSeconds = 50;

async function shareOfACore(pid: number, seconds: number): Promise<number> {
  const [from, begun] = [processorSeconds(pid), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  return ((processorSeconds(pid) - from) / ((performance.now() - begun) / 1000)) * 100;
}

/** What executors that wait for work cost all processes of the product, which are idle otherwise. */
export async function idleExecutors({ stack, pid }: Product, executors: number): Promise<Figure[]> {
  const without = await shareOfACore(pid, 20);
  const leaving = new AbortController();
  const wait = async (): Promise<void> => {
    const { token } = await anExecutor(stack.database_url);
    while (!leaving.signal.aborted) {
      const answer = await fetch(`${stack.api_url}/claims`, {
        method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, signal: leaving.signal,
        body: JSON.stringify({ queues: ["bench_idle"], wait_seconds: waitSeconds }),
      });
      if (answer.status !== 204) throw new Error(`an idle claim was answered ${answer.status}: ${await answer.text()}`);
    }
  };
  const all: Promise<void>[] = [];
  // Spread over one wait, as executors that started at different times are.
  for (let nth = 0; nth < executors; nth += 1) {
    all.push(wait().catch((error: unknown) => { if (!leaving.signal.aborted) throw error; }));
    await new Promise((resolve) => setTimeout(resolve, (waitSeconds * 1000) / executors));
  }
  const waiting = await Promise.race([shareOfACore(pid, waitSeconds), ...all.map((each) => each.then(() => Number.NaN))]);
  leaving.abort();
  await Promise.all(all);
  return [
    { name: "the whole product, idle", value: without, unit: "% of a core" },
    { name: `${executors} executors that wait, added to that`, value: waiting - without, unit: "% of a core", target: "< 5" },
  ];
}
