import { createServer } from 'node:net';
import path from 'node:path';
import { asRecord, readJsonFile, writeJsonFile } from './json-file.ts';
import { StackError } from './stack-error.ts';

/** Whether `port` can be listened on at `host` now. */
export function isPortFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A port that the system gives out as free. */
export function anyFreePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port: 0, host }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/**
 * The web app's port: `wanted` or nothing else; without one 3000 or the next free one.
 * Throws `port_in_use`, or `port_forbidden` below 1024 for an ordinary user.
 */
export async function chooseAppPort(wanted: number | null, host: string): Promise<number> {
  if (wanted !== null) {
    if (await isPortFree(wanted, host)) return wanted;
    throw new StackError(
      'port_in_use',
      `Port ${wanted} on ${host} is in use by another program, or may not be used.`,
      'Stop that program, set PORT to another number, or unset PORT to take the next free one.',
    );
  }
  for (let port = 3000; port < 3100; port += 1) {
    if (await isPortFree(port, host)) return port;
  }
  throw new StackError('port_in_use', `Ports 3000 to 3099 on ${host} are all in use.`, 'Set PORT to a free one.');
}

/** Ports of the inner parts: the same ones at each start, a new one where another program has taken it. */
export async function innerPorts<Name extends string>(data_dir: string, names: readonly Name[]): Promise<Record<Name, number>> {
  const file = path.join(data_dir, 'ports.json');
  const remembered = asRecord(readJsonFile(file)) ?? {};
  const chosen: Record<string, number> = {};
  for (const name of names) {
    const before = remembered[name];
    let port = typeof before === 'number' && (await isPortFree(before, '127.0.0.1')) ? before : await anyFreePort();
    while (Object.values(chosen).includes(port)) port = await anyFreePort();
    chosen[name] = port;
  }
  writeJsonFile(file, { ...remembered, ...chosen });
  return chosen as Record<Name, number>;
}
