"use server";

import { z } from "zod";
import { deleteRequest, type DeletionKind } from "@/contracts/deletion.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { callRpc } from "@/lib/ops/rpc.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

const input = z.tuple([deleteRequest.shape.kind, deleteRequest.shape.id, deleteRequest.shape.typed_name]);

export async function deleteScopeAction(...args: [kind: DeletionKind, id: string, typed_name: string]): Promise<Outcome<boolean>> {
  return attempt(async () => {
    const [kind, id, typed_name] = input.parse(args);
    return callRpc(await createSessionClient(), "delete_scope", { kind, id, typed_name });
  });
}
