import { CopyButton } from "@/components/common/copy-button";
import { Alert, AlertDescription, AlertTitle } from "@/components/ui/alert";

/** A secret that is shown this once: only its hash is kept. */
export function SecretOnce({ title, value, what, hint }: { title: string; value: string; what: string; hint: string }) {
  return (
    <Alert role="status">
      <AlertTitle>{title}</AlertTitle>
      <AlertDescription className="grid min-w-0 gap-2">
        <span>{hint}</span>
        <span className="flex min-w-0 items-center gap-1 rounded-md border bg-muted py-0.5 ps-3 pe-1">
          <code className="min-w-0 overflow-x-auto text-xs whitespace-nowrap" tabIndex={0} aria-label={what}>{value}</code>
          <CopyButton value={value} what={what} size="icon-xs" />
        </span>
      </AlertDescription>
    </Alert>
  );
}
