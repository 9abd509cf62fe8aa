"use client";

import { OnDemandDialog } from "@/components/ui/on-demand";
import { showOverlay, useOverlay } from "./overlays";

const load = () => import("./shortcut-dialog").then((loaded) => loaded.ShortcutDialog);

/** `?`: every shortcut that works right now. */
export function ShortcutSheet() {
  const open = useOverlay() === "shortcuts";
  return <OnDemandDialog load={load} dialog={{ open, onOpenChange: (next: boolean) => showOverlay(next ? "shortcuts" : null) }} />;
}
