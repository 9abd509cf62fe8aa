import { StackError } from './stack-error.ts';

/** A second signal within this time is the same Ctrl-C, passed on by npm as well as by the terminal. */
const SAME_CTRL_C_MS = 1000;

export type Stopping = {
  /** Aborted by the first signal, and by the first failure. */
  signal: AbortSignal;
  /** Resolves at a second Ctrl-C: no more patience. */
  hurried: Promise<void>;
  /** Asks for the stop because of a failure; without effect once a stop was asked for. */
  fail(error: unknown): void;
  /** Why it stops, where that is a failure. */
  failure(): unknown;
  /** Resolves when a stop was asked for. */
  asked: Promise<void>;
};

/** Turns signals and uncaught errors into one orderly stop. To be called once. */
export function listenForStop(): Stopping {
  const stop = new AbortController();
  const hurry = new AbortController();
  let failure: unknown = null;
  let first = 0;
  const fail = (error: unknown) => {
    if (stop.signal.aborted) return;
    failure = error;
    stop.abort(error);
  };
  const onSignal = () => {
    if (first === 0) {
      first = Date.now();
      stop.abort(new StackError('stop_requested', 'A stop was asked for.', 'Start again.'));
    } else if (Date.now() - first > SAME_CTRL_C_MS) {
      hurry.abort();
    }
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  watchParent(onSignal);
  process.stdout.on('error', () => {}); // a closed terminal must not leave the parts behind
  process.stderr.on('error', () => {});
  process.on('uncaughtException', fail); // also a rejection that nobody handles
  return { signal: stop.signal, hurried: abortOf(hurry.signal), fail, failure: () => failure, asked: abortOf(stop.signal) };
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/**
 * Under npm a shell stands between: `kill` of npm ends npm and the shell, and nobody tells this program. It sees that
 * by its parent, which is then another one.
 */
function watchParent(onOrphaned: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onOrphaned();
  }, 500);
  timer.unref();
}
