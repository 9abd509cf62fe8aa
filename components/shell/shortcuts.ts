"use client";

import { useEffect, useEffectEvent, useSyncExternalStore } from "react";
import { usePreferences } from "@/components/common/preferences";

export type Shortcut = {
  /** One step per entry: `["r"]`, `["g", "r"]`, `["mod+k"]` (mod is ⌘ on Apple, Ctrl elsewhere). */
  keys: readonly string[];
  label: string;
  /** Heading in the sheet; the shortcuts of a page leave it out. */
  group?: string;
  run: () => void;
};

const sequenceMilliseconds = 1200;
const none: readonly Shortcut[] = [];
let shortcuts = none;
const readers = new Set<() => void>();

function publish(next: readonly Shortcut[]) {
  shortcuts = next;
  for (const reader of readers) reader();
}

function subscribe(reader: () => void) {
  readers.add(reader);
  return () => readers.delete(reader);
}

export function useShortcutList(): readonly Shortcut[] {
  return useSyncExternalStore(subscribe, () => shortcuts, () => none);
}

/** Registers a shortcut while the component is mounted and `enabled`; of two with the same keys the later wins. */
export function useShortcut({ keys, label, group, run, enabled = true }: Shortcut & { enabled?: boolean }): void {
  const onRun = useEffectEvent(run);
  const sequence = keys.join(" ");
  useEffect(() => {
    if (!enabled) return;
    const shortcut: Shortcut = { keys: sequence.split(" "), label, group, run: () => onRun() };
    publish([...shortcuts, shortcut]);
    return () => publish(shortcuts.filter((other) => other !== shortcut));
  }, [sequence, label, group, enabled]);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio]), textarea, select"));
}

const overlay = '[role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]';

function stepOf(event: KeyboardEvent): string | null {
  if (event.altKey) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.metaKey || event.ctrlKey ? `mod+${key}` : key;
}

/** Listens for all registered shortcuts; the shell mounts it once. */
export function useShortcutListener(): void {
  const { singleKeys } = usePreferences();
  useEffect(() => {
    let typed: string[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;

    function onKeyDown(event: KeyboardEvent) {
      const step = stepOf(event);
      if (event.defaultPrevented || event.isComposing || event.repeat || step === null) return;
      const single = !step.startsWith("mod+");
      if (single && (!singleKeys || isTyping(event.target) || document.querySelector(overlay))) return;

      clearTimeout(timer);
      const candidates = [[...typed, step], [step]];
      typed = [];
      for (const candidate of candidates) {
        const sequence = candidate.join(" ");
        const match = shortcuts.findLast((shortcut) => shortcut.keys.join(" ") === sequence);
        if (match) {
          event.preventDefault();
          match.run();
          return;
        }
        if (shortcuts.some((shortcut) => shortcut.keys.join(" ").startsWith(`${sequence} `))) {
          typed = candidate;
          timer = setTimeout(() => (typed = []), sequenceMilliseconds);
          return;
        }
      }
    }

    document.addEventListener("keydown", onKeyDown);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("keydown", onKeyDown);
    };
  }, [singleKeys]);
}

const never = () => () => {};

/** Whether the keyboard has a ⌘ key; `false` on the server. */
export function useApple(): boolean {
  return useSyncExternalStore(never, () => /Mac|iPhone|iPad/.test(navigator.userAgent), () => false);
}
