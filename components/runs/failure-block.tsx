import { CircleX } from "lucide-react";
import { Link } from "@/components/common/link";
import { CopyButton } from "@/components/common/copy-button";
import { Alert, AlertDescription, AlertTitle } from "@/components/ui/alert";
import type { Run, RunPhase } from "@/contracts/run";
import { words } from "@/lib/messages/run";

/** Failure first: what broke, where, and where to look. Nothing for a run that did not fail. */
export function FailureBlock({ run, phases }: { run: Run; phases: RunPhase[] }) {
  if (run.status !== "failed") return null;
  const phase = phases.find((each) => each.status === "failed");
  const code = run.error_code ?? phase?.error_code;
  const message = run.error_message ?? phase?.error_message ?? words.failureBlock.theExecutorGaveNoMessage;
  return (
    <Alert variant="failed" data-slot="failure">
      <CircleX aria-hidden />
      <AlertTitle className="flex flex-wrap items-center gap-x-2">
        {phase ? <span>{words.failureBlock.phaseFailed(phase.name)}</span> : <span>{words.failureBlock.theRunFailed}</span>}
        {code ? <code className="text-xs font-medium text-failed">{code}</code> : null}
      </AlertTitle>
      <AlertDescription>
        <p className="break-words whitespace-pre-wrap">{message}</p>
        <p className="flex flex-wrap items-center gap-3">
          <Link href={`/runs/${run.run_id}?tab=logs`} className="text-link underline underline-offset-4">{words.failureBlock.theLogAtTheError}</Link>
          <Link href={`/runs/${run.run_id}?tab=events&level=error`} className="text-link underline underline-offset-4">{words.failureBlock.errorsInTheEvents}</Link>
          {phase ? <Link href={`/runs/${run.run_id}?tab=timeline&phase=${phase.name}`} className="text-link underline underline-offset-4">{words.failureBlock.thePhase}</Link> : null}
          {code ? <Link href={`/runs?status=failed&pipeline=${run.template_key ?? ""}`} className="text-link underline underline-offset-4">{words.failureBlock.otherFailedRunsOfThisPipeline}</Link> : null}
          <CopyButton value={`${code ?? ""} ${message}`.trim()} what={words.failureBlock.error} text={words.failureBlock.copy} />
        </p>
      </AlertDescription>
    </Alert>
  );
}
