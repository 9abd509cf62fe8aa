import { appendFileSync } from 'node:fs';
import path from 'node:path';

/** What a person sees, and the same in `logs/stack.log`. */
export type Terminal = {
  say(line: string): void;
  /** Shows a step with the seconds it took; its failure is shown by whoever catches it. */
  step<Result>(title: string, work: () => Promise<Result>): Promise<Result>;
};

export function openTerminal(data_dir: string): Terminal {
  const log = path.join(data_dir, 'logs', 'stack.log');
  const note = (fields: Record<string, unknown>) =>
    appendFileSync(log, `${JSON.stringify({ time: new Date().toISOString(), ...fields })}\n`, { mode: 0o600 });
  return {
    say(line) {
      process.stdout.write(`${line}\n`);
      note({ message: line });
    },
    async step(title, work) {
      const began = performance.now();
      const result = await work();
      const seconds = (performance.now() - began) / 1000;
      process.stdout.write(`  ${title.padEnd(44)} ${seconds.toFixed(2).padStart(7)} s\n`);
      note({ message: title, duration_seconds: Number(seconds.toFixed(3)) });
      return result;
    },
  };
}
