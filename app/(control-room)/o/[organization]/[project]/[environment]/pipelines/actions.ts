"use server";

import { z } from "zod";
import { plannedPhases } from "@/components/pipelines/planned-phases";
import type { SpecPreview } from "@/components/pipelines/spec-editor";
import { checkSpec } from "@/contracts/check-spec.ts";
import { uuid } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import { createRunRequest } from "@/contracts/run.ts";
import type { StartRequest } from "@/components/pipelines/run-form";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { createRun } from "@/lib/ops/create-run.ts";
import { whoami } from "@/lib/ops/environments.ts";
import { saveTemplate } from "@/lib/ops/templates.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

const specText = z.string().max(2_000_000);
const saveInput = z.tuple([uuid, z.strictObject({ text: specText, base_version: z.int().min(0) })]);
const keyInput = z.string().min(1).max(200);

/** Queues a run as POST /api/v1/runs does, in the environment of the page; the errors name the fields by JSON pointer. */
export async function startRunAction(...args: [environmentId: string, request: StartRequest, key: string]): Promise<Outcome<{ run_id: string }>> {
  return attempt(async () => {
    const [environmentId, request, key] = args;
    const parsed = createRunRequest.safeParse(request);
    if (!parsed.success) {
      const errors = parsed.error.issues.map((issue) => ({ path: `/${issue.path.join("/")}`, message: issue.message }));
      throw new ControlRoomError("invalid_input", undefined, { errors });
    }
    const { run } = await createRun(await createSessionClient(), parsed.data, { trigger: "manual", idempotency_key: keyInput.parse(key) }, { environment_id: uuid.parse(environmentId) });
    return { run_id: run.run_id };
  });
}

/** What CI and the command line say of a spec, and what it would do. Only for who is signed in: checking costs. */
export async function checkSpecAction(text: string): Promise<Outcome<SpecPreview>> {
  return attempt(async () => {
    await whoami(await createSessionClient());
    const { spec, errors } = checkSpec(specText.parse(text));
    return { name: spec?.name ?? null, errors, phases: spec === null ? [] : plannedPhases(spec) };
  });
}

export async function saveSpecAction(...args: [projectId: string, input: { text: string; base_version: number }]): Promise<Outcome<{ template_key: string; current_version: number; created: boolean }>> {
  return attempt(async () => {
    const [projectId, input] = saveInput.parse(args);
    const { template, created } = await saveTemplate(await createSessionClient(), input, projectId);
    return { template_key: template.template_key, current_version: template.current_version, created };
  });
}
