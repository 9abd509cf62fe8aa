import { requestJson, saidIn } from './http.ts';
import { messageOf } from './stack-error.ts';

const PERIOD_MS = 2000;
const TIMEOUT_MS = 10_000;

/** Calls the scheduler every 2 s, never twice at once. A failure is said once, and again when it is over. */
export function startTick(url: string, cron_secret: string, say: (line: string) => void): { stop(): Promise<void> } {
  let stopped = false;
  let failing = false;
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> = Promise.resolve();

  async function once(): Promise<void> {
    let problem: string | null = null;
    try {
      const answer = await requestJson('POST', `${url}/api/v1/internal/tick`, {
        headers: { authorization: `Bearer ${cron_secret}` },
        timeout_ms: TIMEOUT_MS,
      });
      if (answer.status >= 400) problem = saidIn(answer);
    } catch (error) {
      problem = messageOf(error);
    }
    if (stopped) return;
    if ((problem !== null) !== failing) say(problem === null ? 'The scheduler tick works again.' : `The scheduler tick fails: ${problem}`);
    failing = problem !== null;
    timer = setTimeout(next, PERIOD_MS);
  }
  function next(): void {
    current = once();
  }
  next();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await current;
    },
  };
}
