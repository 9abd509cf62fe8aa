"use client";

import { describeError } from "@/components/common/describe-error";
import { ErrorState } from "@/components/common/error-state";
import { messages } from "@/lib/messages";

/** What no page foresaw; the shell around it stays. */
export default function ControlRoomError({ error, retry }: { error: unknown; retry: () => void }) {
  return <ErrorState heading="h1" title={messages.error.pageTitle} message={messages.error.pageDescription} {...describeError(error)} onRetry={retry} />;
}
