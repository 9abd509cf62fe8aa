"use client";

import { useRouter } from "next/navigation";
import { useEnvironmentHref } from "@/components/common/link";
import { messages } from "@/lib/messages";
import { navEntries } from "./nav";
import { showOverlay } from "./overlays";
import { useShortcut, useShortcutListener } from "./shortcuts";

/** Mounts the listener and the shortcuts that hold on every page. */
export function ShellKeys() {
  useShortcutListener();
  useShortcut({ keys: ["mod+k"], label: messages.shortcuts.palette, group: messages.shortcuts.everywhere, run: () => showOverlay("palette") });
  useShortcut({ keys: ["?"], label: messages.shortcuts.sheet, group: messages.shortcuts.everywhere, run: () => showOverlay("shortcuts") });
  return (
    <>
      <GoToKey href="/" label={messages.page.start} letter="d" />
      {navEntries.map(({ href, label, key }) => (
        <GoToKey key={href} href={href} label={label} letter={key} />
      ))}
    </>
  );
}

function GoToKey({ href, label, letter }: { href: string; label: string; letter: string }) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  useShortcut({
    keys: ["g", letter],
    label: messages.shortcuts.goTo(label),
    group: messages.shortcuts.everywhere,
    run: () => router.push(href === "/" ? href : inEnvironment(href)),
  });
  return null;
}
