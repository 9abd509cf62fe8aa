import pg from "pg";
import { sourceError } from "./source-error.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const CANCEL_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 15_000;

/** Text in one form whatever the server's settings, so that equal rows give equal bytes. */
const SESSION = [
  "set client_encoding = 'UTF8'",
  "set time zone 'UTC'",
  "set datestyle = 'ISO, YMD'",
  "set intervalstyle = 'postgres'",
  "set extra_float_digits = 1",
  "set bytea_output = 'hex'",
  `set lock_timeout = ${LOCK_TIMEOUT_MS}`,
];

/**
 * Opens a connection, runs the work, closes it. An abort cancels the running statement on the server. Throws what
 * sourceError makes of errors, and the signal's reason when it aborts.
 */
export async function withSourceSession<T>(
  options: { url: string; place: string; signal: AbortSignal; statement_timeout_ms: number; connect_timeout_ms?: number; /** Speaks replication commands too. */ replication?: boolean },
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  options.signal.throwIfAborted();
  const client = newClient(options.url, options.statement_timeout_ms, options.connect_timeout_ms, options.replication);
  let cancelling: Promise<void> = Promise.resolve();
  const onAbort = (): void => {
    cancelling = cancelStatement(options.url, client);
  };
  try {
    await client.connect();
    options.signal.addEventListener("abort", onAbort, { once: true });
    for (const statement of SESSION) await client.query(statement);
    options.signal.throwIfAborted();
    return await work(client);
  } catch (error) {
    options.signal.throwIfAborted();
    throw sourceError(error, options.place);
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    await cancelling;
    // A COPY that was cut off leaves the protocol in the middle: only the socket can be closed then.
    if (options.signal.aborted) destroySocket(client);
    else await endQuietly(client);
  }
}

function newClient(url: string, statement_timeout_ms: number, connect_timeout_ms = CONNECT_TIMEOUT_MS, replication = false): pg.Client {
  const settings: pg.ClientConfig & { replication?: string } = {
    ...(replication ? { replication: "database" } : {}),
    connectionString: url,
    connectionTimeoutMillis: connect_timeout_ms,
    statement_timeout: statement_timeout_ms,
    keepAlive: true,
    application_name: "lakehouse-control-room",
  };
  const client = new pg.Client(settings);
  // A connection that drops fails the running statement; without a listener it would end this process as well.
  client.on("error", () => undefined);
  return client;
}

/** Best effort: when the server cannot be reached for this, closing the socket ends the statement at its next row. */
async function cancelStatement(url: string, client: pg.Client): Promise<void> {
  const pid = (client as unknown as { processID: number | null }).processID;
  if (pid === null) return;
  const other = newClient(url, CANCEL_TIMEOUT_MS);
  try {
    await other.connect();
    await other.query("select pg_cancel_backend($1)", [pid]);
  } catch {
    // Nothing to add: the caller is stopping already.
  } finally {
    await endQuietly(other);
  }
}

async function endQuietly(client: pg.Client): Promise<void> {
  const timer = setTimeout(() => destroySocket(client), CANCEL_TIMEOUT_MS);
  await client.end().catch(() => undefined);
  clearTimeout(timer);
}

function destroySocket(client: pg.Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
