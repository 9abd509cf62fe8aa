"use client";

import { messages } from "@/lib/messages";
import { describeError } from "./describe-error";
import { ErrorState } from "./error-state";
import type { FailedPageProps } from "./failed-page";

export function FailedPageState({ error, retry }: FailedPageProps) {
  return (
    <>
      <title>{messages.error.pageTitle}</title>
      <ErrorState heading="h1" title={messages.error.pageTitle} message={messages.error.pageDescription} {...describeError(error)} onRetry={retry} />
    </>
  );
}
