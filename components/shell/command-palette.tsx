"use client";

import { Search } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { Dialog, DialogContent, DialogDescription, DialogTitle } from "@/components/ui/dialog";
import { messages } from "@/lib/messages";
import type { EnvironmentChoice } from "./open-environment";
import { showOverlay, useOverlay } from "./overlays";
import type { PaletteActions } from "./palette-list";

// Not part of what a page loads to be read: it comes when the page is idle, or is asked for.
const load = () => import("./palette-list");
const PaletteList = lazy(() => load().then(({ PaletteList: List }) => ({ default: List })));

type CommandPaletteProps = { environments: readonly EnvironmentChoice[]; lastEnvironmentId: string | undefined; actions: PaletteActions };

/** ⌘K: go to a page, do what this page and this role offer, find anything by its name, id or hash. */
export function CommandPalette(props: CommandPaletteProps) {
  const open = useOverlay() === "palette";
  useEffect(() => {
    // Safari has none.
    if (typeof requestIdleCallback === "undefined") return;
    const idle = requestIdleCallback(() => void load());
    return () => cancelIdleCallback(idle);
  }, []);
  return (
    <Dialog open={open} onOpenChange={(next) => showOverlay(next ? "palette" : null)}>
      <DialogContent showClose={false} className="top-[12vh] max-w-xl translate-y-0 overflow-hidden p-0">
        <DialogTitle className="sr-only">{messages.palette.title}</DialogTitle>
        <DialogDescription className="sr-only">{messages.palette.description}</DialogDescription>
        <Opened {...props} />
      </DialogContent>
    </Dialog>
  );
}

/** What is typed while the list is on its way is kept. */
function Opened(props: CommandPaletteProps) {
  const [query, setQuery] = useState("");
  return (
    <Suspense
      fallback={
        <div className="flex h-11 items-center gap-2 border-b px-3">
          <Search className="size-4 shrink-0 text-muted-foreground" aria-hidden />
          <input autoFocus aria-label={messages.palette.title} placeholder={messages.palette.placeholder} value={query} onChange={(event) => setQuery(event.target.value)} className="h-full w-full bg-transparent text-base outline-none placeholder:text-muted-foreground" />
        </div>
      }
    >
      <PaletteList {...props} query={query} setQuery={setQuery} />
    </Suspense>
  );
}
