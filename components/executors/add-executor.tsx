"use client";

import { useQuery } from "@tanstack/react-query";
import { CircleCheck, Loader } from "lucide-react";
import { useState } from "react";
import { CodeBlock } from "@/components/common/code-block";
import { fetchJson } from "@/components/common/fetch-json";
import { Link } from "@/components/common/link";
import { SecretOnce } from "@/components/common/secret-once";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Tooltip } from "@/components/ui/tooltip";
import type { ExecutorDetail } from "@/contracts/executor";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/executors";
import type { Outcome } from "@/lib/ops/attempt";
import { needsProjectAdmin } from "./executor-actions";

export type NewExecutor = { name: string; environments: string[]; allowed_queues: string[] | null; project: string };
type Made = { executor: ExecutorDetail; token: string };
type AddExecutorProps = { environments: { slug: string; name: string }[]; here: string; project: string; canManage: boolean; addAction: (request: NewExecutor) => Promise<Outcome<Made>> };

const kinds = words.addExecutor.kinds;
type Kind = keyof typeof kinds;
const heartbeatMs = 1_500;

/** Three steps: what it is, how it starts (its token is shown this once), and its first heartbeat, which is waited for live. */
export function AddExecutor({ environments, here, project, canManage, addAction }: AddExecutorProps) {
  const { pending, act } = useAct();
  const [name, setName] = useState("");
  const [works, setWorks] = useState<string[]>([here]);
  const [queues, setQueues] = useState("");
  const [kind, setKind] = useState<Kind>("node");
  const [made, setMade] = useState<Made | null>(null);
  const named = queues.split(/[\s,]+/).filter((queue) => queue !== "");
  const create = () => act(() => addAction({ name, environments: works, allowed_queues: named.length === 0 ? null : named, project }), setMade);
  return (
    <ol className="grid max-w-3xl gap-6">
      <Step number={1} title={words.addExecutor.whatItIs} current={made === null}>
        <form className="grid gap-3" onSubmit={(event) => { event.preventDefault(); if (canManage) create(); }}>
          <fieldset disabled={made !== null} className="grid gap-3">
            <Field id="executor-name" label={words.addExecutor.name} required description={words.addExecutor.nameDescription}>
              <Input {...fieldControl("executor-name", { description: true, required: true })} required maxLength={100} pattern="[A-Za-z0-9][A-Za-z0-9 ._\-]*" autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
            </Field>
            <fieldset className="grid gap-1.5">
              <legend className="mb-1.5 text-sm font-medium">{words.addExecutor.environmentsThatItWorksIn}</legend>
              {environments.map((each) => (
                <Field key={each.slug} id={`in-${each.slug}`} label={each.name} inline>
                  <Checkbox id={`in-${each.slug}`} checked={works.includes(each.slug)} onCheckedChange={(on) => setWorks(on === true ? [...works, each.slug] : works.filter((slug) => slug !== each.slug))} />
                </Field>
              ))}
            </fieldset>
            <Field id="executor-queues" label={words.addExecutor.queuesThatItMayClaimFrom} description={words.addExecutor.separatedByCommasEmptyAny}>
              <Input {...fieldControl("executor-queues", { description: true })} autoComplete="off" value={queues} onChange={(event) => setQueues(event.target.value)} />
            </Field>
          </fieldset>
          {made === null ? (
            <Tooltip content={canManage ? null : needsProjectAdmin}>
              <Button type="submit" className="w-fit" disabled={pending || works.length === 0} aria-disabled={!canManage}>{pending ? words.addExecutor.makingIt : words.addExecutor.makeItAndItsToken}</Button>
            </Tooltip>
          ) : null}
        </form>
      </Step>
      <Step number={2} title={words.addExecutor.howItStarts} current={made !== null}>
        {made === null ? <p className="text-muted-foreground">{words.addExecutor.theCommandComesWithTheToken}</p> : (
          <div className="grid gap-3">
            <SecretOnce title={words.addExecutor.theTokenOf(made.executor.name)} value={made.token} what={words.addExecutor.executorToken} hint={words.addExecutor.theTokenOfHint} />
            <div role="group" aria-label={words.addExecutor.kindOfExecutor} className="flex flex-wrap gap-2">
              {Object.entries(kinds).map(([each, word]) => (
                <Button key={each} size="sm" variant="outline" aria-pressed={kind === each} className={cn(kind === each && "border-ring bg-accent text-accent-foreground")} onClick={() => setKind(each as Kind)}>{word}</Button>
              ))}
            </div>
            <CodeBlock label={words.addExecutor.command} text={commandOf(kind, made.token, named)} />
          </div>
        )}
      </Step>
      <Step number={3} title={words.addExecutor.itsFirstHeartbeat} current={made !== null}>
        {made === null ? <p className="text-muted-foreground">{words.addExecutor.thisPageWaits}</p> : <FirstHeartbeat executor={made.executor} />}
      </Step>
    </ol>
  );
}

function Step({ number, title, current, children }: { number: number; title: string; current: boolean; children: React.ReactNode }) {
  return (
    <li aria-current={current ? "step" : undefined} className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-2">
      <span aria-hidden className={cn("flex size-6 items-center justify-center rounded-full text-xs font-semibold tabular-nums", current ? "bg-primary text-primary-foreground" : "bg-secondary text-secondary-foreground")}>{number}</span>
      <h2 className="self-center text-sm font-semibold">{title}</h2>
      <div className="col-start-2 min-w-0">{children}</div>
    </li>
  );
}

function FirstHeartbeat({ executor }: { executor: ExecutorDetail }) {
  const { data } = useQuery({
    queryKey: ["executor", executor.executor_id],
    queryFn: ({ signal }) => fetchJson<ExecutorDetail>(`/api/v1/executors/${executor.executor_id}`, signal),
    refetchInterval: (query) => (query.state.data?.last_seen_at ? false : heartbeatMs),
  });
  const seen = data?.last_seen_at != null;
  return (
    <div className="flex flex-wrap items-center gap-3">
      <p role="status" className={cn("flex items-center gap-2", seen ? "font-medium text-succeeded" : "text-muted-foreground")}>
        {seen ? <CircleCheck className="size-4" aria-hidden /> : <Loader className="size-4 animate-spin motion-reduce:animate-none" aria-hidden />}
        {seen ? (data.hostname ? words.addExecutor.hasCalledFrom(executor.name, data.hostname) : words.addExecutor.hasCalled(executor.name)) : words.addExecutor.waitingForToCall(executor.name)}
      </p>
      <Button asChild variant={seen ? "default" : "outline"} size="sm"><Link href={`/executors/${executor.executor_id}`}>{words.addExecutor.openIt}</Link></Button>
    </div>
  );
}

function commandOf(kind: Kind, token: string, queues: string[]): string {
  const url = typeof location === "undefined" ? "" : location.origin;
  const chosen = queues.length === 0 ? "" : queues.join(",");
  if (kind === "docker") return `docker run -e CONTROL_ROOM_URL=${url} \\\n  -e CONTROL_ROOM_TOKEN=${token} \\\n  ${chosen ? `-e EXECUTOR_QUEUES=${chosen} \\\n  ` : ""}-e CONTROL_ROOM_LAKE=file:/lake -v lake:/lake control-room-worker`;
  if (kind === "own") return `curl -sS -X POST ${url}/api/v1/claims \\\n  -H 'Authorization: Bearer ${token}' \\\n  -H 'Content-Type: application/json' -d '${JSON.stringify({ wait_seconds: 20, ...(chosen ? { queues } : {}) })}'`;
  return `CONTROL_ROOM_URL=${url} \\\n  CONTROL_ROOM_TOKEN=${token} \\\n  ${chosen ? `EXECUTOR_QUEUES=${chosen} \\\n  ` : ""}CONTROL_ROOM_LAKE=file:/path/to/the/lake npm run executor`;
}
