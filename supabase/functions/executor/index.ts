/**
 * The executor as a Supabase Edge Function: each POST with the header `x-executor-secret` is one turn. It claims runs straight on
 * PostgREST, asks Postgres in query phases, and gives back with its progress what it cannot finish here or in its time.
 * Settings are the function's secrets (docs/executors.md); `supabase functions deploy executor --no-verify-jwt`.
 */
import { tickHandler } from "../../../executors/edge.ts";

declare const Deno: { env: { toObject(): Record<string, string> }; serve(handler: (request: Request) => Promise<Response>): unknown };

Deno.serve(tickHandler(Deno.env.toObject()));
