"use client";

import { CircleX, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";
import { CopyButton } from "./copy-button";

type ErrorStateProps = {
  title?: string;
  /** The element of the title: "h1" where this is the whole page. */
  heading?: "p" | "h1" | "h2";
  /** What is wrong and what to do, in a sentence or two. */
  message?: ReactNode;
  /** The stable code of contracts/error.ts, or an executor's own. */
  code?: string | null;
  requestId?: string | null;
  onRetry?: () => void;
  action?: ReactNode;
  className?: string;
};

/** Something failed: the message, the code and the request to quote, and the way on. */
export function ErrorState({ title = messages.error.title, heading: Heading = "p", message = messages.error.unexpected, code, requestId, onRetry, action, className }: ErrorStateProps) {
  return (
    <div data-slot="error" role="alert" className={cn("flex flex-col items-center gap-3 px-4 py-10 text-center", className)}>
      <CircleX className="size-5 text-failed" aria-hidden />
      <div className="grid max-w-lg gap-1">
        <Heading className="font-medium">{title}</Heading>
        <div className="text-pretty text-muted-foreground">{message}</div>
      </div>
      {code || requestId ? (
        <dl className="flex flex-wrap items-center justify-center gap-x-4 gap-y-1 text-xs text-muted-foreground">
          {code ? <ErrorFact name={messages.error.code} value={code} /> : null}
          {requestId ? <ErrorFact name={messages.error.requestId} value={requestId} /> : null}
        </dl>
      ) : null}
      {onRetry || action ? (
        <div className="flex flex-wrap items-center justify-center gap-2">
          {onRetry ? (
            <Button variant="outline" onClick={onRetry}>
              <RotateCw aria-hidden />
              {messages.action.retry}
            </Button>
          ) : null}
          {action}
        </div>
      ) : null}
    </div>
  );
}

function ErrorFact({ name, value }: { name: string; value: string }) {
  return (
    <div className="flex items-center gap-1">
      <dt>{name}</dt>
      <dd className="flex items-center gap-0.5 font-mono text-foreground">
        {value}
        <CopyButton value={value} what={name} />
      </dd>
    </div>
  );
}
