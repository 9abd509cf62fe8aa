"use client";

import { Search } from "lucide-react";
import { Keys } from "@/components/ui/kbd";
import { messages } from "@/lib/messages";
import { showOverlay } from "./overlays";
import { useApple } from "./shortcuts";

/** Opens the palette; a field in looks, an icon on narrow screens. */
export function SearchButton() {
  const apple = useApple();
  return (
    <button
      type="button"
      aria-haspopup="dialog"
      onClick={() => showOverlay("palette")}
      className="flex h-8 items-center gap-2 rounded-md px-2 text-sm text-muted-foreground transition-colors hover:bg-accent hover:text-accent-foreground md:w-56 md:border md:bg-background"
    >
      <Search className="size-4 shrink-0" aria-hidden />
      <span className="sr-only md:not-sr-only">{messages.shell.search}</span>
      <span className="ms-auto hidden md:inline-flex" aria-hidden>
        <Keys keys={["mod+k"]} apple={apple} />
      </span>
    </button>
  );
}
