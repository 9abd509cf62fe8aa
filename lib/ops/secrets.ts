import type { z } from "zod";
import { ControlRoomError } from "@/contracts/error.ts";
import type { Run } from "@/contracts/run.ts";
import { seal } from "@/contracts/sealing.ts";
import { environmentKey, type addEnvironmentKeyRequest, type EnvironmentKey, type placeQuery, type putSecretRequest, type Secret } from "@/contracts/secret.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveEnvironment } from "./environments.ts";
import { callRpc, columns, readRows } from "./rpc.ts";

type Place = z.output<typeof placeQuery>;

/** Secrets by name, without their values. Throws `not_found`. */
export async function listSecrets(db: Db, place: Place): Promise<Secret[]> {
  const { environment_id } = await resolveEnvironment(db, place);
  return callRpc(db, "list_secrets", { environment_id });
}

/** Makes a secret or gives it a new value. A plain value is sealed here and goes no further. Throws `not_found`, `forbidden`, `conflict`, `invalid_input`. */
export async function putSecret(db: Db, place: Place, name: string, given: z.output<typeof putSecretRequest>): Promise<Secret> {
  const { environment_id } = await resolveEnvironment(db, place);
  return putSecretIn(db, environment_id, name, given);
}
export async function putSecretIn(db: Db, environment_id: string, name: string, given: z.output<typeof putSecretRequest>): Promise<Secret> {
  const sealed = "sealed" in given ? given.sealed : await seal(given.value, { environment_id, name }, await activeKey(db, environment_id));
  return callRpc(db, "put_secret", { environment_id, name, sealed });
}

/** Throws `not_found`, `forbidden`, and `conflict` where a connection names it. */
export async function deleteSecret(db: Db, place: Place, name: string): Promise<void> {
  const { environment_id } = await resolveEnvironment(db, place);
  await callRpc(db, "delete_secret", { environment_id, name });
}

/** Public keys, newest first. */
export async function listKeys(db: Db, place: Place): Promise<EnvironmentKey[]> {
  const { environment_id } = await resolveEnvironment(db, place);
  return keysOf(db, environment_id);
}
export function keysOf(db: Db, environment_id: string): Promise<EnvironmentKey[]> {
  return readRows(environmentKey, db.from("environment_keys").select(columns(environmentKey.shape)).eq("environment_id", environment_id).order("created_at", { ascending: false }).order("kid").limit(200));
}

async function activeKey(db: Db, environment_id: string) {
  const key = (await keysOf(db, environment_id)).find((each) => each.retired_at === null);
  if (key === undefined) throw new ControlRoomError("conflict", "The environment has no key that its executors could open secrets with. Make one where they run: control-room keys create.");
  return { ...key.public_key, kid: key.kid };
}

/** Throws `not_found`, `forbidden`, `conflict`, `invalid_input`. */
export async function addKey(db: Db, { public_key, ...place }: z.output<typeof addEnvironmentKeyRequest>): Promise<EnvironmentKey> {
  const { environment_id } = await resolveEnvironment(db, place);
  return callRpc(db, "put_environment_key", { environment_id, public_key });
}

/** Throws `not_found`, `forbidden`, and `conflict` while secrets are sealed to it. */
export async function retireKey(db: Db, place: Place, kid: string): Promise<EnvironmentKey> {
  const { environment_id } = await resolveEnvironment(db, place);
  return callRpc(db, "retire_environment_key", { environment_id, kid });
}

/** Answers the run that seals every secret to the newest key. */
export async function resealSecrets(db: Db, place: Place): Promise<Run> {
  const { environment_id } = await resolveEnvironment(db, place);
  return callRpc(db, "reseal_secrets", { environment_id });
}
