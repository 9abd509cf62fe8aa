import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { newPrivateKey, publicPart } from '../../contracts/sealing.ts';
import { addToKeyFile, readKeyFile } from '../../executors/cli/key-file.ts';
import type { Context } from './context.ts';
import { apiClient } from './http.ts';
import { asRecord, readJsonFile, writeJsonFile } from './json-file.ts';
import { ENVIRONMENT, PROJECT } from './seed.ts';

const PLACE = { environment: ENVIRONMENT.slug, project: PROJECT.slug };
const QUERY = `environment=${PLACE.environment}&project=${PLACE.project}`;

/** Private keys of the local worker, mode 0600. */
export function keyFile(data_dir: string): string {
  return path.join(data_dir, 'executor-keys.json');
}

type Call = ReturnType<typeof apiClient>;
const itemsOf = async (call: Call, where: string) => ((await call('GET', where)).items as unknown[]).map(asRecord);

/** A key for an environment that has none, so that the local worker can open its secrets. In a hosted database another machine's key stays. */
export async function ensureKey(context: Context, api_url: string): Promise<void> {
  const { settings, secrets, terminal } = context;
  const call = apiClient(api_url, secrets.api_token);
  const file = keyFile(settings.data_dir);
  const held = await readKeyFile(file);
  const active = (await itemsOf(call, `/environment-keys?${QUERY}`)).find((key) => key?.retired_at === null);
  if (active !== undefined) {
    if (!held.some((key) => key.kid === active?.kid)) terminal.say(`  This machine does not hold the key ${String(active?.kid)}: its worker cannot open secrets of ${PROJECT.slug}/${ENVIRONMENT.slug}.`);
    return;
  }
  const key = held[0] ?? (await newPrivateKey());
  await addToKeyFile(file, key);
  await call('POST', '/environment-keys', { body: { ...PLACE, public_key: publicPart(key) } });
}

/** The connection `odoo` to the demo source. Its address may differ at each start; what people have changed stays. */
export async function connectDemoSource(context: Context, api_url: string, url: string): Promise<void> {
  const { settings, secrets } = context;
  const call = apiClient(api_url, secrets.api_token);
  const { hostname, port, pathname, username, password } = new URL(url);
  const wanted = { host: hostname, port: Number(port || 5432), database: decodeURIComponent(pathname.slice(1)), user: decodeURIComponent(username), sslmode: 'disable' };
  const file = path.join(settings.data_dir, 'demo-connection.json');
  const noted = readJsonFile(file);
  const present = (await itemsOf(call, `/connections?${QUERY}`)).find((connection) => connection?.name === 'odoo');
  const definition = { kind: 'odoo', settings: wanted, secret_name: 'odoo_password' };
  if (present === undefined) {
    await call('PUT', `/secrets/odoo_password?${QUERY}`, { body: { value: decodeURIComponent(password) } });
    await call('POST', '/connections', { body: { ...PLACE, name: 'odoo', ...definition } });
  } else if (isDeepStrictEqual(present?.settings, noted) && !isDeepStrictEqual(noted, wanted)) {
    await call('PUT', `/connections/${String(present?.connection_id)}`, { body: { ...definition, secret_name: present?.secret_name } });
  } else return;
  writeJsonFile(file, wanted);
}
