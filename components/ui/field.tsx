import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { messages } from "@/lib/messages";
import { cn } from "@/lib/cn";
import { Label } from "./label";

type FieldProps = {
  /** The id of the control; the description and the error hang on it. */
  id: string;
  label: ReactNode;
  description?: ReactNode;
  error?: ReactNode;
  required?: boolean;
  /** Label beside the control (checkbox, switch) instead of above it. */
  inline?: boolean;
  className?: string;
  children: ReactNode;
};

/** What ties a control to its Field: spread it on the control. */
export function fieldControl(id: string, parts: { description?: unknown; error?: unknown; required?: boolean }) {
  const describedBy = [parts.description ? `${id}-description` : null, parts.error ? `${id}-error` : null].filter(Boolean);
  return {
    id,
    "aria-describedby": describedBy.length > 0 ? describedBy.join(" ") : undefined,
    "aria-invalid": parts.error ? true : undefined,
    "aria-required": parts.required ? true : undefined,
  } as const;
}

/** Label, control, description and error of one form field. */
export function Field({ id, label, description, error, required, inline, className, children }: FieldProps) {
  const heading = (
    <Label htmlFor={id}>
      {label}
      {required ? (
        <span className="font-normal text-muted-foreground" aria-hidden>
          {messages.form.required}
        </span>
      ) : null}
    </Label>
  );
  return (
    <div data-slot="field" className={cn("grid gap-1.5", className)}>
      {inline ? (
        <div className="flex min-h-6 items-center gap-2">
          {children}
          {heading}
        </div>
      ) : (
        <>
          {heading}
          {children}
        </>
      )}
      {description ? (
        <p id={`${id}-description`} className="text-xs text-muted-foreground">
          {description}
        </p>
      ) : null}
      {error ? (
        <p id={`${id}-error`} role="alert" className="flex items-start gap-1 text-xs text-failed">
          <CircleAlert className="mt-0.5 size-3 shrink-0" aria-hidden />
          {error}
        </p>
      ) : null}
    </div>
  );
}
