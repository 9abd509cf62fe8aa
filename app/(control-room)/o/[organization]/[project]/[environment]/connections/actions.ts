"use server";

import { z } from "zod";
import { changeConnectionRequest, newConnection, type Connection } from "@/contracts/connection.ts";
import { uuid } from "@/contracts/common.ts";
import { parseOrRefuse } from "@/lib/api/input.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { changeConnection } from "@/lib/ops/connections.ts";
import { callRpc } from "@/lib/ops/rpc.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.

export async function createConnectionAction(input: unknown): Promise<Outcome<Connection>> {
  return attempt(async () => callRpc(await createSessionClient(), "save_connection", { request: parseOrRefuse(newConnection, input, "body", "") }));
}

export async function changeConnectionAction(id: string, input: unknown): Promise<Outcome<Connection>> {
  return attempt(async () => changeConnection(await createSessionClient(), uuid.parse(id), parseOrRefuse(changeConnectionRequest, input, "body", "")));
}

export async function deleteConnectionAction(id: string): Promise<Outcome<boolean>> {
  return attempt(async () => callRpc(await createSessionClient(), "delete_connection", { connection_id: uuid.parse(id) }));
}

/** Answers the run that asks the connection. */
export async function testConnectionAction(id: string): Promise<Outcome<{ run_id: string }>> {
  return attempt(async () => {
    const { run_id } = await callRpc(await createSessionClient(), "test_connection", { connection_id: uuid.parse(id) });
    return { run_id };
  });
}

/** The connection with its last test, for whoever waits for the result. */
export async function readConnectionAction(id: string): Promise<Outcome<Connection>> {
  return attempt(async () => callRpc(await createSessionClient(), "get_connection", { connection_id: z.guid().parse(id) }));
}
