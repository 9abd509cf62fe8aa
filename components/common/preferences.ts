"use client";

import { useSyncExternalStore } from "react";

/** What a person chose for this browser. */
export type Preferences = { times: "local" | "utc"; singleKeys: boolean };

const key = "control-room.preferences";
const standard: Preferences = { times: "local", singleKeys: true };
const readers = new Set<() => void>();
let current: Preferences | undefined;

function parse(text: string | null): Preferences {
  if (text === null) return standard;
  try {
    const stored = JSON.parse(text) as Partial<Preferences> | null;
    return {
      times: stored?.times === "utc" ? "utc" : "local",
      singleKeys: stored?.singleKeys !== false,
    };
  } catch {
    // Another program wrote it, or it is older than this version: the standard is a safe answer.
    return standard;
  }
}

function read(): Preferences {
  if (current !== undefined) return current;
  try {
    current = parse(localStorage.getItem(key));
  } catch {
    // Storage may be forbidden by the browser; preferences then last as long as the page.
    current = standard;
  }
  return current;
}

function onStorage(event: StorageEvent) {
  if (event.key !== key) return;
  current = parse(event.newValue);
  for (const reader of readers) reader();
}

function subscribe(reader: () => void) {
  if (readers.size === 0) addEventListener("storage", onStorage);
  readers.add(reader);
  return () => {
    readers.delete(reader);
    if (readers.size === 0) removeEventListener("storage", onStorage);
  };
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, read, () => standard);
}

export function setPreferences(change: Partial<Preferences>): void {
  current = { ...read(), ...change };
  try {
    localStorage.setItem(key, JSON.stringify(current));
  } catch {
    // As above: without storage the choice still holds for this page.
  }
  for (const reader of readers) reader();
}
