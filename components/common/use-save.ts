"use client";

import { useRouter } from "next/navigation";
import { useState, useTransition } from "react";
import type { Outcome, Refusal } from "@/lib/ops/attempt";
import { noAnswer } from "./no-answer";

/** Sends a form by a server action: a refusal stays with the form, for its fields; a success is followed by the page's present state. */
export function useSave() {
  const router = useRouter();
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [pending, start] = useTransition();
  /** `silence`: what to do where nothing answered. */
  const save = <T>(work: () => Promise<Outcome<T>>, silence: string, done: (value: T) => void) =>
    start(async () => {
      const outcome = await work().catch(() => null);
      if (outcome === null) return setRefusal(noAnswer(silence));
      if (!outcome.ok) return setRefusal(outcome.refusal);
      setRefusal(null);
      done(outcome.value);
      router.refresh();
    });
  return { pending, refusal, save, forget: () => setRefusal(null) };
}
