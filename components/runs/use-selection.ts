"use client";

import { useState } from "react";

/** Some runs by their ids, over pages; or every run that fits the filters, loaded or not. */
export type Selection = { kind: "runs"; ids: ReadonlySet<string> } | { kind: "matching" };

const none: Selection = { kind: "runs", ids: new Set() };

/** What is selected in a list. Other filters (`scope`) begin with nothing: what is selected is always what the reader has seen fit. */
export function useSelection(scope: string) {
  const [held, setHeld] = useState({ scope, selection: none });
  const selection = held.scope === scope ? held.selection : none;
  const select = (next: Selection) => setHeld({ scope, selection: next });
  return {
    selection,
    count: selection.kind === "runs" ? selection.ids.size : null,
    has: (id: string) => selection.kind === "matching" || selection.ids.has(id),
    toggle: (ids: readonly string[], on: boolean) => {
      // One of all that fit is taken out: what stays is what is shown, not thousands that nobody looked at.
      const kept = new Set(selection.kind === "runs" ? selection.ids : []);
      for (const id of ids) if (on) kept.add(id); else kept.delete(id);
      select({ kind: "runs", ids: kept });
    },
    only: (ids: readonly string[]) => select({ kind: "runs", ids: new Set(ids) }),
    all: () => select({ kind: "matching" }),
    clear: () => select(none),
  };
}
export type RunSelection = ReturnType<typeof useSelection>;
