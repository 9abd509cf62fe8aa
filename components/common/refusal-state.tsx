"use client";

import { useRouter } from "next/navigation";
import type { Refusal } from "@/lib/ops/attempt";
import { ErrorState } from "./error-state";

/** An error that a page's read was answered with; "Try again" reads once more without losing the page. */
export function RefusalState({ refusal, title, heading, className }: { refusal: Refusal; title?: string; heading?: "p" | "h1" | "h2"; className?: string }) {
  const router = useRouter();
  return (
    <ErrorState
      title={title}
      heading={heading}
      message={`${refusal.message} ${refusal.remedy}`.trim()}
      code={refusal.code}
      requestId={refusal.request_id}
      onRetry={() => router.refresh()}
      className={className}
    />
  );
}
