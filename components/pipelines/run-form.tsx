"use client";

import { CircleAlert, Loader, Play } from "lucide-react";
import { useRouter } from "next/navigation";
import { type FormEvent, useEffect, useRef, useState, useTransition } from "react";
import { noAnswer } from "@/components/common/no-answer";
import { CopyButton } from "@/components/common/copy-button";
import { useEnvironmentHref } from "@/components/common/link";
import { newKey } from "@/components/common/new-key";
import { Alert, AlertDescription, AlertTitle } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Keys } from "@/components/ui/kbd";
import { Textarea } from "@/components/ui/textarea";
import { useApple } from "@/components/shell/shortcuts";
import { words } from "@/lib/messages/pipelines";
import type { Outcome, Refusal } from "@/lib/ops/attempt";
import { ParameterField } from "./parameter-field";
import type { ParameterSchema } from "./parameter-schema";
import { cliCommand, curlCommand } from "./run-commands";

export type StartRequest = { template_key: string; environment: string; project: string; parameters: Record<string, unknown>; priority: number };
type RunFormProps = {
  templateKey: string;
  environment: { slug: string; name: string; project_slug: string };
  fields: ParameterSchema[];
  starting: { parameters: Record<string, unknown>; problem: string | null };
  canOperate: boolean;
  startAction: (request: StartRequest, key: string) => Promise<Outcome<{ run_id: string }>>;
};

const standardPriority = 100;

export function RunForm({ templateKey, environment, fields, starting, canOperate, startAction }: RunFormProps) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const apple = useApple();
  // The one source of truth: fields and JSON text are two views of it, and it is what is sent.
  const [parameters, setParameters] = useState(starting.parameters);
  const [jsonText, setJsonText] = useState<string | null>(null);
  const [jsonProblem, setJsonProblem] = useState<string | null>(null);
  const [invalid, setInvalid] = useState<Record<string, string>>({});
  const [priority, setPriority] = useState(standardPriority);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [pending, start] = useTransition();
  const [nonce, setNonce] = useState(() => newKey());
  const form = useRef<HTMLFormElement>(null);
  const summary = useRef<HTMLDivElement>(null);
  const asJson = jsonText !== null;
  const request: StartRequest = { template_key: templateKey, environment: environment.slug, project: environment.project_slug, parameters, priority };

  useEffect(() => {
    if (refusal === null) return;
    const firstWrong = form.current?.querySelector<HTMLElement>("[aria-invalid=true]");
    (firstWrong ?? summary.current)?.focus();
  }, [refusal]);

  const setOne = (name: string, value: unknown) => setParameters(({ [name]: _before, ...rest }) => (value === undefined ? rest : { ...rest, [name]: value }));
  const errorOf = (name: string) => invalid[name] ?? refusal?.errors.find((place) => place.path === `/parameters/${name}` || place.path.startsWith(`/parameters/${name}/`))?.message;
  const elsewhere = refusal?.errors.filter((place) => asJson || !fields.some((field) => place.path === `/parameters/${field.name}` || place.path.startsWith(`/parameters/${field.name}/`))) ?? [];
  const priorityError = refusal?.errors.find((place) => place.path === "/priority")?.message;
  const blocked = pending || jsonProblem !== null || Object.keys(invalid).length > 0;

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (blocked || !canOperate) return;
    start(async () => {
      setRefusal(null);
      // The same request again (a lost answer) gives the same run; a changed one is another run.
      const key = `${nonce}:${digest(JSON.stringify(request))}`;
      const outcome = await startAction(request, key).catch(() => null);
      if (outcome === null) return setRefusal(noAnswer(words.runForm.sendItAgainTheSame));
      if (!outcome.ok) return setRefusal(outcome.refusal);
      setNonce(newKey());
      router.push(inEnvironment(`/runs/${outcome.value.run_id}`));
    });
  };

  const showJson = (json: boolean) => {
    setJsonProblem(null);
    setJsonText(json ? JSON.stringify(parameters, null, 2) : null);
  };
  const editJson = (text: string) => {
    setJsonText(text);
    const read = readObject(text);
    setJsonProblem(read.problem);
    if (read.value) setParameters(read.value);
  };

  return (
    <form
      ref={form}
      noValidate
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
      }}
      className="grid max-w-2xl gap-5"
    >
      {starting.problem ? <Alert variant="warning"><CircleAlert aria-hidden /><AlertDescription>{starting.problem}</AlertDescription></Alert> : null}
      {refusal ? (
        <Alert ref={summary} variant="failed" role="alert" tabIndex={-1}>
          <CircleAlert aria-hidden />
          <AlertTitle>{words.runForm.theRunWasNotStarted}</AlertTitle>
          <AlertDescription>
            <p>{refusal.message} {refusal.remedy}</p>
            {elsewhere.length > 0 ? <ul className="list-disc ps-4">{elsewhere.map((place) => <li key={`${place.path}${place.message}`}><code className="text-xs">{place.path}</code> {place.message}</li>)}</ul> : null}
            <p className="text-xs"><code>{refusal.code}</code>{refusal.request_id ? ` · ${words.runForm.request(refusal.request_id)}` : ""}</p>
          </AlertDescription>
        </Alert>
      ) : null}
      <fieldset className="grid gap-4">
        <legend className="sr-only">{words.runForm.parameters}</legend>
        <div className="flex items-center justify-between">
          <h2 className="text-sm font-semibold" aria-hidden>{words.runForm.parameters}</h2>
          <div role="group" aria-label={words.runForm.editTheParametersAs} className="flex gap-1">
            <Button size="sm" variant={asJson ? "ghost" : "secondary"} aria-pressed={!asJson} disabled={jsonProblem !== null} onClick={() => showJson(false)}>{words.runForm.form}</Button>
            <Button size="sm" variant={asJson ? "secondary" : "ghost"} aria-pressed={asJson} disabled={!asJson && Object.keys(invalid).length > 0} onClick={() => showJson(true)}>{words.runForm.json}</Button>
          </div>
        </div>
        {asJson ? (
          <Field id="parameters-json" label={words.runForm.parametersAsJson} error={jsonProblem}>
            <Textarea {...fieldControl("parameters-json", { error: jsonProblem })} spellCheck={false} className="min-h-40 font-mono text-xs break-words" value={jsonText} onChange={(event) => editJson(event.target.value)} />
          </Field>
        ) : fields.length === 0 ? (
          <p className="text-muted-foreground">{words.runForm.thisPipelineTakesNoParameters}</p>
        ) : (
          fields.map((field) => (
            <ParameterField
              key={field.name}
              field={field}
              value={parameters[field.name]}
              error={errorOf(field.name)}
              onChange={(value) => setOne(field.name, value)}
              onInvalid={(problem) => setInvalid(({ [field.name]: _before, ...rest }) => (problem === null ? rest : { ...rest, [field.name]: problem }))}
            />
          ))
        )}
      </fieldset>
      <Field id="priority" label={words.runForm.priority} description={words.runForm.toALowerNumberRunsFirst} error={priorityError} className="max-w-40">
        <Input {...fieldControl("priority", { description: true, error: priorityError })} type="number" min={0} max={1000} step={1} className="tabular-nums" value={Number.isNaN(priority) ? "" : priority} onChange={(event) => setPriority(event.target.valueAsNumber)} />
      </Field>
      <div className="flex flex-wrap items-center gap-2 border-t pt-4">
        <Button type="submit" disabled={blocked || !canOperate} aria-busy={pending}>
          {pending ? <Loader className="animate-spin motion-reduce:animate-none" aria-hidden /> : <Play aria-hidden />}
          {pending ? words.runForm.starting : words.runForm.runIn(environment.name)}
        </Button>
        <Keys keys={["mod+Enter"]} apple={apple} className="max-sm:hidden" />
        <span className="ms-auto flex gap-1">
          <CopyButton value={cliCommand(request)} what={words.runForm.command} text={words.runForm.copyAsCli} />
          <CopyButton value={curlCommand(request)} what={words.runForm.curlCommand} text={words.runForm.copyAsCurl} />
        </span>
      </div>
      {canOperate ? null : <p className="text-muted-foreground">{words.runForm.startingARunNeeds}</p>}
    </form>
  );
}

function readObject(text: string): { value: Record<string, unknown> | null; problem: string | null } {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return { value: value as Record<string, unknown>, problem: null };
    return { value: null, problem: words.runForm.mustBeOneJsonObject };
  } catch (error) {
    return { value: null, problem: words.runForm.isNotValidJsonYet(error instanceof Error ? error.message : "") };
  }
}

/** Short and without WebCrypto, which plain HTTP lacks: it tells requests of one form apart, no more (FNV-1a, 32 bits). */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash.toString(16);
}
