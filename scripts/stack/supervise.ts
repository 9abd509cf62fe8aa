import { endChild, startChild, tailOf, type Child, type ChildSpec } from './child.ts';
import { INSTALL_VARIABLE, notePart } from './parts-on-disk.ts';
import { messageOf, StackError } from './stack-error.ts';

export type PartOptions = {
  data_dir: string;
  install_id: string;
  /** The signal that asks it to end, and how long it may take (milliseconds). */
  stop_signal: NodeJS.Signals;
  patience_ms: number;
  /** Builds the command; called before each start, so it may clean up after a crash. */
  prepare: () => Promise<ChildSpec>;
  /** Resolves when the part answers. */
  ready: (child: Child) => Promise<void>;
  /** One line for the person at the terminal. */
  say: (line: string) => void;
  /** Aborted when the stack is asked to stop: a start that is under way then gives up. */
  stopping: AbortSignal;
  /** Called when restarting was given up. */
  lost: (error: StackError) => void;
};

export type Part = { name: string; pid(): number; restarts(): number; stop(hurry?: Promise<void>): Promise<void> };

/** After so many unexpected ends within a minute a part is given up. */
const GIVE_UP_AFTER = 5;
const WINDOW_MS = 60_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Starts a part and keeps it running: an unexpected end is said, and followed by a new start after a pause that
 * doubles. Rejects where the first start fails; later failures end in `lost`.
 */
export async function runPart(name: string, options: PartOptions): Promise<Part> {
  let child: Child | null = null;
  let log_file = '';
  let stopping = false;
  let restarts = 0;
  let wake = () => {};
  let starting: Promise<void> | null = null;
  const ends: number[] = [];

  async function start(): Promise<void> {
    const spec = await options.prepare();
    log_file = spec.log_file;
    const started = await startChild({ ...spec, env: { ...spec.env, [INSTALL_VARIABLE]: options.install_id } });
    child = started;
    notePart(options.data_dir, name, started);
    let answered = false;
    const ended = started.exited.then((exit) => {
      if (answered || stopping || options.stopping.aborted) return;
      throw new StackError(
        'part_ended_early',
        `${name} ended before it was ready (${exit.signal ?? `exit code ${exit.code}`}):\n${tailOf(log_file)}`,
        `Read ${log_file}.`,
      );
    });
    ended.catch(() => {}); // reported by the race below, or not at all once the part has answered
    try {
      await Promise.race([options.ready(started), ended, abortOf(options.stopping)]);
    } catch (error) {
      await endChild(started, 'SIGKILL', 0);
      notePart(options.data_dir, name, null);
      throw error;
    }
    answered = true;
    if (!stopping) void watch(started);
  }

  async function watch(current: Child): Promise<void> {
    const exit = await current.exited;
    if (stopping) return;
    notePart(options.data_dir, name, null);
    const how = exit.signal ?? `exit code ${exit.code}`;
    for (let reason = `${name} ended unexpectedly (${how})`; !stopping; ) {
      ends.push(Date.now());
      while ((ends[0] ?? 0) < Date.now() - WINDOW_MS) ends.shift();
      if (ends.length > GIVE_UP_AFTER) {
        options.lost(new StackError('part_keeps_failing', `${reason}; it was restarted ${GIVE_UP_AFTER} times in a minute.`, `Read ${log_file}.`));
        return;
      }
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (ends.length - 1));
      options.say(`${reason}; starting it again in ${pause} ms. Log: ${log_file}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (stopping) return;
      try {
        starting = start();
        await starting;
        restarts += 1;
        options.say(`${name} is back.`);
        return;
      } catch (error) {
        reason = `${name} did not come back (${messageOf(error).split('\n')[0]})`;
      } finally {
        starting = null;
      }
    }
  }

  await start();
  return {
    name,
    pid: () => child?.pid ?? 0,
    restarts: () => restarts,
    async stop(hurry) {
      stopping = true;
      wake();
      await starting?.catch(() => {}); // its failure no longer matters
      if (child !== null) await endChild(child, options.stop_signal, options.patience_ms, hurry);
      notePart(options.data_dir, name, null);
    },
  };
}

/** Rejects when `signal` is aborted. */
export function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
