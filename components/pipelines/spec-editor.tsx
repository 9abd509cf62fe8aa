"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, Loader, Save } from "lucide-react";
import { useRouter } from "next/navigation";
import { type FormEvent, useEffect, useRef, useState, useTransition } from "react";
import { toast } from "@/components/ui/toast";
import { noAnswer } from "@/components/common/no-answer";
import { CopyButton } from "@/components/common/copy-button";
import { Link, useEnvironmentHref } from "@/components/common/link";
import { LazyYamlEditor } from "@/components/editor/lazy-yaml-editor";
import { useApple } from "@/components/shell/shortcuts";
import { Alert, AlertDescription, AlertTitle } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Keys } from "@/components/ui/kbd";
import { Switch } from "@/components/ui/switch";
import { Label } from "@/components/ui/label";
import type { ErrorPlace } from "@/contracts/error";
import { words } from "@/lib/messages/pipelines";
import type { Outcome, Refusal } from "@/lib/ops/attempt";
import type { PlannedPhase } from "./phase-list";
import { PhasePlan } from "./phase-plan";

export type SpecPreview = { name: string | null; errors: ErrorPlace[]; phases: PlannedPhase[] };
export type SpecActions = {
  check: (text: string) => Promise<Outcome<SpecPreview>>;
  save: (projectId: string, input: { text: string; base_version: number }) => Promise<Outcome<{ template_key: string; current_version: number; created: boolean }>>;
};
type SpecEditorProps = {
  projectId: string;
  /** Null: a pipeline that is not stored yet. */
  templateKey: string | null;
  /** The version that `stored` is; 0 where there is none. */
  baseVersion: number;
  stored: string;
  starting: string;
  /** Why it cannot be saved; null: it can. */
  refused: string | null;
  actions: SpecActions;
};

const pauseMs = 350;
const none: readonly ErrorPlace[] = [];

/** A spec is written, checked by the validator of CI and the command line while one writes, compared with what is stored, and saved as the next version. */
export function SpecEditor({ projectId, templateKey, baseVersion, stored, starting, refused, actions }: SpecEditorProps) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const apple = useApple();
  const [text, setText] = useState(starting);
  const [settled, setSettled] = useState(starting);
  const [changes, setChanges] = useState(starting !== stored && stored !== "");
  const [goTo, setGoTo] = useState<{ line: number } | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [saved, setSaved] = useState(false);
  const [pending, start] = useTransition();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const dirty = text !== stored && !saved;

  const write = (next: string) => {
    setText(next);
    setRefusal(null);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setSettled(next), pauseMs);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (!dirty) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [dirty]);
  const { data: checked, isFetching } = useQuery({ queryKey: ["spec-check", settled], queryFn: () => actions.check(settled), placeholderData: keepPreviousData, staleTime: Number.POSITIVE_INFINITY });
  const preview = checked?.ok ? checked.value : null;
  const problems = preview?.errors ?? none;
  const current = settled === text && !isFetching;
  const elsewhere = preview?.name && templateKey !== null && preview.name !== templateKey ? preview.name : null;
  const blocked = refused ?? (dirty ? null : words.specEditor.itIsAsItIsStored);

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (blocked !== null || pending) return;
    start(async () => {
      // Another name is another pipeline: what was read says nothing about its version.
      const outcome = await actions.save(projectId, { text, base_version: elsewhere ? 0 : baseVersion }).catch(() => null);
      if (outcome === null) return setRefusal(noAnswer(words.specEditor.yourTextIsStillHere));
      if (!outcome.ok) return setRefusal(outcome.refusal);
      setSaved(true);
      const { template_key, current_version, created } = outcome.value;
      toast.success(created ? words.specEditor.savedAsVersionOf(current_version, template_key) : words.specEditor.itIsTheSameSpec(current_version));
      router.push(inEnvironment(`/pipelines/${template_key}`));
      router.refresh();
    });
  };

  return (
    <form
      onSubmit={submit}
      onKeyDown={(event) => { if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) submit(); }}
      className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]"
    >
      <div className="grid min-w-0 gap-3">
        {refusal === null ? null : (
          <Alert variant="failed" role="alert">
            <CircleAlert aria-hidden />
            <AlertTitle>{words.specEditor.itWasNotSaved}</AlertTitle>
            <AlertDescription>
              <p>{refusal.message} {refusal.remedy}</p>
              {refusal.code === "conflict" ? <p className="flex flex-wrap items-center gap-2"><CopyButton value={text} what={words.specEditor.text} text={words.specEditor.copyMyText} variant="outline" /><Link href={`/pipelines/${elsewhere ?? templateKey ?? preview?.name ?? ""}`} className="text-link hover:underline">{words.specEditor.seeWhatIsStoredNow}</Link></p> : null}
            </AlertDescription>
          </Alert>
        )}
        <LazyYamlEditor label={words.specEditor.pipelineSpec} value={text} onChange={write} problems={problems} original={changes && stored !== "" ? stored : undefined} readOnly={refused !== null} goTo={goTo} />
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
          <Button type="submit" disabled={pending || blocked !== null}>{pending ? <Loader className="animate-spin motion-reduce:animate-none" aria-hidden /> : <Save aria-hidden />}{pending ? words.specEditor.saving : baseVersion === 0 ? words.specEditor.save : words.specEditor.saveAsVersion(baseVersion + 1)}</Button>
          <Keys keys={["mod+Enter"]} apple={apple} />
          {stored === "" ? null : (
            <span className="flex items-center gap-2">
              <Switch id="spec-changes" checked={changes} onCheckedChange={setChanges} />
              <Label htmlFor="spec-changes">{words.specEditor.showChangesSinceVersion(baseVersion)}</Label>
            </span>
          )}
          <span className="text-muted-foreground">{blocked}</span>
        </div>
      </div>
      <div className="grid min-w-0 gap-3">
        <section className="grid gap-2" aria-labelledby="spec-check">
          <h2 id="spec-check" className="flex items-center gap-2 text-sm font-semibold">
            {words.specEditor.check}
            <span role="status" className="inline-flex items-center gap-1.5 font-normal text-muted-foreground">
              {!current ? <><Loader className="size-3.5 animate-spin motion-reduce:animate-none" aria-hidden />{words.specEditor.checking}</> : preview === null ? words.specEditor.theControlRoomDidNotAnswer : problems.length === 0 ? <><CircleCheck className="size-3.5 text-succeeded" aria-hidden />{words.specEditor.valid}</> : <><CircleAlert className="size-3.5 text-failed" aria-hidden />{words.specEditor.problems(problems.length)}</>}
            </span>
          </h2>
          {problems.length === 0 ? null : (
            <ul className="grid divide-y rounded-md border">
              {problems.map((problem) => (
                <li key={`${problem.path} ${problem.message}`}>
                  <button type="button" className="grid w-full grid-cols-[4.5rem_minmax(0,1fr)] gap-x-2 px-3 py-1.5 text-start hover:bg-accent" onClick={() => setGoTo({ line: problem.line ?? 1 })}>
                    <span className="text-xs leading-5 text-muted-foreground tabular-nums">{problem.line === undefined ? "" : words.specEditor.line(problem.line)}</span>
                    <span>{problem.path ? <code className="text-xs">{problem.path} </code> : null}{problem.message}</span>
                  </button>
                </li>
              ))}
            </ul>
          )}
          {elsewhere ? <Alert variant="warning"><AlertDescription>{words.specEditor.theNameIsNot(elsewhere, templateKey)}</AlertDescription></Alert> : null}
        </section>
        {preview && preview.phases.length > 0 ? (
          <section className="grid gap-2" aria-labelledby="spec-phases">
            <h2 id="spec-phases" className="text-sm font-semibold">{words.specEditor.phases}</h2>
            <PhasePlan phases={preview.phases} />
          </section>
        ) : null}
      </div>
    </form>
  );
}
