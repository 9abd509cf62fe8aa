import { newPrivateKey, publicPart } from "../../contracts/sealing.ts";
import { request, type Connection } from "./connection.ts";
import { addToKeyFile, removeFromKeyFile } from "./key-file.ts";
import { exit, type ExitCode, type Output } from "./output.ts";
import { watchRun } from "./run-commands.ts";

export interface PlaceOptions { environment?: string; project?: string }
export interface KeyFileOptions extends PlaceOptions { file: string }

/** Makes a key pair: the private key goes into the file of this environment's executors, the public one to the control room. */
export async function createKey(connection: Connection, output: Output, { file, ...place }: KeyFileOptions): Promise<ExitCode> {
  const key = await newPrivateKey();
  // Before the control room seals anything to it: a key that only the control room knows would lose values.
  await addToKeyFile(file, key);
  try {
    await request(connection, "add_environment_key", { body: { ...place, public_key: publicPart(key) } });
  } catch (error) {
    await removeFromKeyFile(file, key.kid);
    throw error;
  }
  if (output.json) output.value({ kid: key.kid, file });
  else output.line(`${key.kid} is in ${file}. Give this file to every executor of the environment (EXECUTOR_KEYS_FILE).`);
  return exit.ok;
}

export async function listKeys(connection: Connection, output: Output, place: PlaceOptions): Promise<ExitCode> {
  const { items } = await request(connection, "list_environment_keys", { query: { ...place } });
  let active = true;
  for (const key of items) {
    if (output.json) output.value(key);
    else output.line(`${key.kid}  ${key.created_at}  ${key.retired_at !== null ? "retired" : active ? "active" : "opens older secrets"}`);
    if (key.retired_at === null) active = false;
  }
  return exit.ok;
}

/** Queues the run that seals every secret to the newest key, and follows it. */
export async function resealSecrets(connection: Connection, output: Output, place: PlaceOptions): Promise<ExitCode> {
  const run = await request(connection, "reseal_secrets", { query: { ...place } });
  if (!output.json) output.note(`Run ${run.run_id}`);
  return watchRun(connection, output, run.run_id);
}

/** Retires a key that no secret is sealed to. It stays in the file: take it out when no run needs it any more. */
export async function retireKey(connection: Connection, output: Output, kid: string, place: PlaceOptions): Promise<ExitCode> {
  const key = await request(connection, "retire_environment_key", { params: { kid }, query: { ...place } });
  if (output.json) output.value(key);
  else output.line(`${key.kid} is retired.`);
  return exit.ok;
}
