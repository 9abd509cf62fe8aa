import type { RpcName } from "../../../contracts/rpc.ts";
import type { Db } from "../../../lib/supabase/client.ts";
import { call, request, type Caller, type Doors } from "../world.ts";

/**
 * A client for operations of lib/ops, without PostgREST: the calls of `rpc`, and the one query of getRun. `before` may
 * throw, as if the process died there.
 */
export function dbOf(doors: Doors, caller: Caller, before: (name: string) => void = () => undefined): Db {
  const answered = async (work: () => Promise<unknown>) => {
    try {
      return { data: await work(), error: null, status: 200 };
    } catch (error) {
      const { code, message, detail, hint } = error as { code?: string; message: string; detail?: string; hint?: string };
      return { data: null, error: { code, message, details: detail, hint }, status: Number(/^PT(\d{3})$/.exec(code ?? "")?.[1] ?? 500) };
    }
  };
  const rpc = async (name: RpcName, args: Record<string, unknown>) => {
    before(name);
    return answered(() => call(doors, caller, name, args as never));
  };
  const from = (table: string) => ({
    select: (columns: string) => ({
      eq: (_column: string, run_id: string) => ({
        limit: () => answered(async () => (await request<{ run: unknown }>(doors, caller, `select to_jsonb(x) as run from (select ${columns} from ops.${table} where run_id = $1) as x`, [run_id])).map(({ run }) => run)),
      }),
    }),
  });
  return { rpc, from } as unknown as Db;
}
