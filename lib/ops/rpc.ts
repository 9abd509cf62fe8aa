import type { z } from "zod";
import { ControlRoomError } from "@/contracts/error.ts";
import { rpc, type RpcArgs, type RpcName, type RpcReturns } from "@/contracts/rpc.ts";
import { askFunction, asksForOne, type Db } from "@/lib/supabase/client.ts";
import { fromDatabase, type DatabaseError } from "./database-error.ts";

interface Answer {
  data: unknown;
  error: DatabaseError | null;
  status: number;
}

/** The one door to the functions of schema `ops`. Throws ControlRoomError with the code that SQL raised. */
export async function callRpc<N extends RpcName>(db: Db, name: N, args: RpcArgs<N>): Promise<RpcReturns<N>> {
  return trusted(rpc[name].returns as unknown as z.ZodType<RpcReturns<N>>, await answerOf(db, name, args), `ops.${name}`);
}

async function answerOf(db: Db, name: RpcName, args: unknown): Promise<unknown> {
  if (asksForOne(db)) return (await bytesOf(db, name, args)).read();
  const answer: Answer = await db.rpc(name, args);
  if (answer.error !== null) throw fromDatabase(answer.error, answer.status);
  return answer.data;
}

/** The database's answer to be sent on as it stands: it has the wire's form, and reading it costs more than sending it. */
export class JsonBytes {
  constructor(readonly bytes: Buffer<ArrayBuffer>) {}
  /** Null where a function answers nothing. */
  read(): unknown {
    return this.bytes.byteLength === 0 ? null : JSON.parse(this.bytes.toString()) as unknown;
  }
}

/** As `callRpc`, the answer unread. */
export async function callRpcForBytes<N extends RpcName>(db: Db, name: N, args: RpcArgs<N>): Promise<JsonBytes> {
  const answer = await bytesOf(db, name, args);
  if (process.env.NODE_ENV !== "production") trusted(rpc[name].returns as unknown as z.ZodType, answer.read(), `ops.${name}`);
  return answer;
}

async function bytesOf(db: Db, name: RpcName, args: unknown): Promise<JsonBytes> {
  const { status, bytes } = await askFunction(db, name, args).catch((cause: unknown) => { throw fromDatabase({ message: String(cause) }, 0); });
  if (status >= 300) throw fromDatabase(errorIn(bytes.toString()), status);
  return new JsonBytes(bytes);
}

/** PostgREST's error; what came from something before it is no JSON. */
function errorIn(text: string): DatabaseError {
  try {
    return JSON.parse(text) as DatabaseError;
  } catch {
    return { message: text };
  }
}

/** The rows of a PostgREST query, typed by the contract. */
export async function readRows<T extends z.ZodType>(row: T, query: PromiseLike<Answer>): Promise<z.output<T>[]> {
  const answer = await query;
  if (answer.error !== null) throw fromDatabase(answer.error, answer.status);
  return trusted(row.array(), answer.data, "a query") as z.output<T>[];
}

/** The columns of a contract for PostgREST's `select`; `cast` adds a cast to those named, such as bigint to text. */
export function columns(shape: Record<string, unknown>, cast: Record<string, string> = {}): string {
  return Object.keys(shape).map((name) => (cast[name] === undefined ? name : `${name}::${cast[name]}`)).join(",");
}

/** The database is ours: outside production its answers are checked against the contract, in production believed. */
function trusted<T>(schema: z.ZodType<T>, value: unknown, source: string): T {
  if (process.env.NODE_ENV === "production") return value as T;
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  throw new ControlRoomError("internal", undefined, { cause: new Error(`${source} answered what the contract does not say`, { cause: checked.error }) });
}
