"use client";

import { useRouter } from "next/navigation";
import { useTransition } from "react";
import { toast } from "@/components/ui/toast";
import { messages } from "@/lib/messages";
import type { Outcome } from "@/lib/ops/attempt";

/** Runs a server action: a refusal becomes a toast, a success is followed by the page's present state. */
export function useAct() {
  const router = useRouter();
  const [pending, start] = useTransition();
  const act = <T>(work: () => Promise<Outcome<T>>, done?: (value: T) => void) =>
    start(async () => {
      const outcome = await work().catch(() => null);
      if (outcome === null) toast.error(messages.error.noAnswerToAct);
      else if (!outcome.ok) toast.error(`${outcome.refusal.message} ${outcome.refusal.remedy}`.trim());
      else {
        done?.(outcome.value);
        router.refresh();
      }
    });
  return { pending, act };
}
