import type { z } from "zod";
import type { changeConnectionRequest, Connection, createConnectionRequest } from "@/contracts/connection.ts";
import type { placeQuery } from "@/contracts/secret.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveEnvironment } from "./environments.ts";
import { callRpc } from "./rpc.ts";

/** Connections by name, each with what uses it and its last test. Throws `not_found`. */
export async function listConnections(db: Db, place: z.output<typeof placeQuery>): Promise<Connection[]> {
  const { environment_id } = await resolveEnvironment(db, place);
  return callRpc(db, "list_connections", { environment_id });
}

/** Throws `not_found`, `forbidden`, `conflict`, `invalid_input`. */
export async function createConnection(db: Db, { environment, project, ...definition }: z.output<typeof createConnectionRequest>): Promise<Connection> {
  const { environment_id } = await resolveEnvironment(db, { environment, project });
  return callRpc(db, "save_connection", { request: { environment_id, ...definition } });
}

/** Throws `not_found`, `forbidden`, `invalid_input`. */
export function changeConnection(db: Db, connection_id: string, definition: z.output<typeof changeConnectionRequest>): Promise<Connection> {
  return callRpc(db, "save_connection", { request: { connection_id, ...definition } });
}
