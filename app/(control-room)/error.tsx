"use client";

import { describeError } from "@/components/common/describe-error";
import { ErrorState } from "@/components/common/error-state";
import { messages } from "@/lib/messages";

/** As the one inside an environment, for pages that stand beside it and bring their frame themselves. */
export default function ControlRoomError({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <main className="grid min-h-dvh place-items-center">
      <ErrorState heading="h1" title={messages.error.pageTitle} message={messages.error.pageDescription} {...describeError(error)} onRetry={retry} />
    </main>
  );
}
