import type { z } from "zod";
import { applyParameters } from "@/contracts/parameters.ts";
import { checkSpec } from "@/contracts/check-spec.ts";
import { ControlRoomError, errorCatalogue, type itemError } from "@/contracts/error.ts";
import type { PipelineSpec } from "@/contracts/pipeline.ts";
import type { RpcArgs, RpcReturns } from "@/contracts/rpc.ts";
import type { createRunRequest, createRunsRequest, Run } from "@/contracts/run.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveEnvironment } from "./environments.ts";
import { callRpc, callRpcForBytes, type JsonBytes } from "./rpc.ts";
import { templateSpec } from "./templates.ts";

export type NewRun = z.output<typeof createRunRequest>;
interface Origin { trigger: "manual" | "api"; idempotency_key?: string }
/** Its environment, where that is known by more than slugs: projects of two organizations may have the same. */
interface Place { environment_id?: string }

/**
 * Queues a run of a stored template or of an inline spec, its parameters checked and defaults filled in. `created` is
 * false where the idempotency key answers an earlier run. Throws `invalid_input`, `invalid_spec`, `invalid_parameters`,
 * `not_found`, `forbidden`, `idempotency_conflict`.
 */
export async function createRun(db: Db, body: NewRun, origin: Origin, place: Place = {}): Promise<{ run: Run; created: boolean }> {
  if (body.spec === undefined || body.template_key !== undefined) return callRpc(db, "create_run", { request: await requestOf(db, body, origin, keep(), place) });
  const { environment, project } = body;
  const named = place.environment_id === undefined ? { environment, project } : place;
  try {
    // An inline spec needs nothing of its environment: SQL finds that too, and one call does it all.
    return await callRpc(db, "create_run", { request: requestIn(named, body, origin, checkInline(body.spec)) });
  } catch (error) {
    // Where it was the environment, this says so with its place and the names that would fit.
    if (error instanceof ControlRoomError && (error.code === "not_found" || error.code === "invalid_input")) await resolveEnvironment(db, named);
    throw error;
  }
}

/** Queues many runs, each as `createRun` does or refused for itself. What they have in common is looked up and checked once. */
export async function createRuns(db: Db, { runs: bodies, ids_only }: z.output<typeof createRunsRequest>, trigger: Origin["trigger"]): Promise<CreatedRuns | JsonBytes> {
  const once = keep();
  const checked = await Promise.all(bodies.map(({ idempotency_key, ...body }) =>
    requestOf(db, body, { trigger, ...(idempotency_key === undefined ? {} : { idempotency_key }) }, once).catch(itemErrorOf)));
  const requests = checked.filter((each) => !("code" in each)) as RunRequest[];
  if (requests.length === bodies.length && bodies.every((body) => body.debounce_key === undefined)) return callRpcForBytes(db, "create_runs", { requests, ids_only });
  const made = requests.length === 0 ? [] : (await callRpc(db, "create_runs", { requests, ids_only })).items;
  const alone = made.flatMap((answer, nth) => (!answer.ok && answer.error.code === "send_alone" ? [nth] : []));
  const send = async (): Promise<void> => {
    for (let nth = alone.shift(); nth !== undefined; nth = alone.shift()) {
      made[nth] = await callRpc(db, "create_run", { request: requests[nth] as RunRequest }).then(({ created, run }) => ({ ok: true as const, created, ...(ids_only ? { run_id: run.run_id } : { run }) }), (error: unknown) => ({ ok: false as const, error: itemErrorOf(error) }));
    }
  };
  await Promise.all(Array.from({ length: sentAtOnce }, send));
  const answers = made[Symbol.iterator]();
  return { items: checked.map((each) => ("code" in each ? { ok: false, error: each } : answers.next().value)) } as CreatedRuns;
}

/** Runs that take another's place (debounce) are queued one by one. */
const sentAtOnce = 4;
type RunRequest = RpcArgs<"create_runs">["requests"][number];
type CreatedRuns = RpcReturns<"create_runs">;

/** Answers the same promise for the same question. */
type Once = <T>(question: readonly unknown[], ask: () => Promise<T>) => Promise<T>;
function keep(): Once {
  const asked = new Map<string, Promise<unknown>>();
  return <T>(question: readonly unknown[], ask: () => Promise<T>) => {
    const key = JSON.stringify(question);
    const answer = (asked.get(key) as Promise<T> | undefined) ?? ask();
    asked.set(key, answer);
    return answer;
  };
}

async function requestOf(db: Db, body: NewRun, origin: Origin, once: Once, { environment_id }: Place = {}): Promise<RunRequest> {
  if ((body.template_key === undefined) === (body.spec === undefined)) {
    throw new ControlRoomError("invalid_input", "A run needs exactly one of template_key and spec.", { errors: [{ path: "/template_key", message: "exactly one of template_key and spec is needed" }] });
  }
  const { spec: inline, environment: slug, project } = body;
  // An inline spec needs nothing of its environment: SQL finds that too.
  if (inline !== undefined) return requestIn({ environment: slug, project }, body, origin, await once(["spec", inline], async () => checkInline(inline)));
  const environment = await once(["environment", slug, project], () => resolveEnvironment(db, { environment_id, environment: slug, project }));
  const wanted = { project_id: environment.project_id, template_key: body.template_key ?? "", version: body.template_version };
  const spec = await once(["template", wanted], () => templateSpec(db, wanted));
  return requestIn({ environment_id: environment.environment_id }, body, origin, { spec });
}

/** What SQL is asked: the parameters checked against the spec, and its text where it is not a template's. */
function requestIn<Where>(where: Where, body: NewRun, origin: Origin, { spec, spec_text }: { spec: Pick<PipelineSpec, "parameters">; spec_text?: string }) {
  const { spec: _inline, environment: _slug, project: _project, parameters, ...rest } = body;
  return { ...rest, ...origin, ...where, parameters: checkParameters(spec, parameters), ...(spec_text === undefined ? {} : { spec_text }) };
}

/** A mistake in one of many requests is its answer; what is no mistake of the caller ends the call. */
function itemErrorOf(error: unknown): z.output<typeof itemError> {
  if (!(error instanceof ControlRoomError) || error.status >= 500 || error.status === 401) throw error;
  const place = error.errors[0]?.path;
  return { code: error.code, detail: place === undefined || error.message.includes(place) ? error.message : `${place}: ${error.message}`, remedy: errorCatalogue[error.code].remedy };
}

function checkInline(spec: unknown): { spec: PipelineSpec; spec_text: string } {
  const checked = checkSpec(spec);
  if (checked.spec !== null) return checked;
  const errors = checked.errors.map((place) => ({ ...place, path: `/spec${place.path}` }));
  throw new ControlRoomError("invalid_spec", firstOf("The pipeline spec is not valid", errors), { errors });
}

function checkParameters(spec: Pick<PipelineSpec, "parameters">, given: Record<string, unknown>): Record<string, unknown> {
  const applied = applyParameters(spec, given);
  if (applied.parameters !== null) return applied.parameters;
  throw new ControlRoomError("invalid_parameters", firstOf("The parameters do not fit the pipeline", applied.errors), { errors: applied.errors });
}

function firstOf(sentence: string, errors: readonly { path: string; message: string }[]): string {
  const [first] = errors;
  return first === undefined ? `${sentence}.` : `${sentence}: ${first.path || "it"} ${first.message}.`;
}

