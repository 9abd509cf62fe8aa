"use client";

import { useSyncExternalStore } from "react";

/** A page the reader opened, for the palette. Kept in this browser only. */
export type Visit = { href: string; title: string; detail?: string };

const key = "control-room.recent";
const kept = 8;
const none: readonly Visit[] = [];
let current: readonly Visit[] | undefined;
const readers = new Set<() => void>();

const isVisit = (value: unknown): value is Visit =>
  typeof value === "object" && value !== null && "href" in value && typeof value.href === "string" &&
  value.href.startsWith("/") && "title" in value && typeof value.title === "string";

function read(): readonly Visit[] {
  if (current !== undefined) return current;
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    current = Array.isArray(stored) ? stored.filter(isVisit) : none;
  } catch {
    // Unreadable or forbidden storage means no memory of visits, which costs the reader nothing else.
    current = none;
  }
  return current;
}

export function rememberVisit(visit: Visit): void {
  current = [visit, ...read().filter((other) => other.href !== visit.href)].slice(0, kept);
  try {
    localStorage.setItem(key, JSON.stringify(current));
  } catch {
    // As above.
  }
  for (const reader of readers) reader();
}

/** Forgets everything, so that the next person at this browser does not see it. */
export function forgetVisits(): void {
  current = none;
  try {
    localStorage.removeItem(key);
  } catch {
    // As above.
  }
  for (const reader of readers) reader();
}

export function useVisits(): readonly Visit[] {
  return useSyncExternalStore(
    (reader) => {
      readers.add(reader);
      return () => readers.delete(reader);
    },
    read,
    () => none,
  );
}
