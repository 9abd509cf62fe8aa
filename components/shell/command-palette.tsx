"use client";

import { Search } from "lucide-react";
import { useEffect, useState } from "react";
import { useLoaded } from "@/components/ui/on-demand";
import { messages } from "@/lib/messages";
import type { EnvironmentChoice } from "./open-environment";
import { showOverlay, useOverlay } from "./overlays";
import type { PaletteActions } from "./palette-list";

// Not part of what a page loads to be read: it comes when the page is idle, or is asked for.
const load = () => import("./palette-dialog").then((loaded) => loaded.PaletteDialog);

type CommandPaletteProps = { environments: readonly EnvironmentChoice[]; lastEnvironmentId: string | undefined; actions: PaletteActions };

/** ⌘K: go to a page, do what this page and this role offer, find anything by its name, id or hash. */
export function CommandPalette(props: CommandPaletteProps) {
  const open = useOverlay() === "palette";
  const idle = useIdle();
  const Palette = useLoaded(load, open || idle);
  const [query, setQuery] = useState("");
  const [wasOpen, setWasOpen] = useState(open);
  // Each opening begins with an empty field.
  if (open !== wasOpen) {
    setWasOpen(open);
    if (open) setQuery("");
  }
  if (Palette !== null) return <Palette {...props} open={open} onOpenChange={(next) => showOverlay(next ? "palette" : null)} query={query} setQuery={setQuery} />;
  return open ? <Arriving query={query} setQuery={setQuery} /> : null;
}

/** What is typed while the list is on its way is kept. */
function Arriving({ query, setQuery }: { query: string; setQuery: (query: string) => void }) {
  return (
    <div role="dialog" aria-label={messages.palette.title} aria-busy="true" onKeyDown={(event) => event.key === "Escape" && showOverlay(null)} className="fixed top-[12vh] left-1/2 z-50 w-[calc(100%-2rem)] max-w-xl -translate-x-1/2 rounded-lg border bg-popover text-popover-foreground shadow-lg">
      <div className="flex h-11 items-center gap-2 px-3">
        <Search className="size-4 shrink-0 text-muted-foreground" aria-hidden />
        <input autoFocus aria-label={messages.palette.title} placeholder={messages.palette.placeholder} value={query} onChange={(event) => setQuery(event.target.value)} className="h-full w-full bg-transparent text-base outline-none placeholder:text-muted-foreground" />
      </div>
    </div>
  );
}

/** True once the page has had nothing to do; in Safari, which does not tell, never. */
function useIdle(): boolean {
  const [idle, setIdle] = useState(false);
  useEffect(() => {
    if (typeof requestIdleCallback === "undefined") return;
    const request = requestIdleCallback(() => setIdle(true));
    return () => cancelIdleCallback(request);
  }, []);
  return idle;
}
