"use client";

import { ArrowRight, CircleDot, Clock, SunMoon, Zap } from "lucide-react";
import { useTheme } from "next-themes";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { useEnvironmentHref } from "@/components/common/link";
import {
  Command,
  CommandEmpty,
  CommandGroup,
  CommandInput,
  CommandItem,
  CommandList,
  CommandShortcut,
} from "@/components/ui/command";
import { Dialog, DialogContent, DialogDescription, DialogTitle } from "@/components/ui/dialog";
import { Keys } from "@/components/ui/kbd";
import { truncateMiddle } from "@/lib/format";
import { messages } from "@/lib/messages";
import { navEntries } from "./nav";
import { showOverlay, useOverlay } from "./overlays";
import { useVisits } from "./recent";
import { useApple, useShortcutList } from "./shortcuts";

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** ⌘K: go to a page, do what this page offers, or open a run by its pasted id (or an address that holds one). */
export function CommandPalette() {
  const open = useOverlay() === "palette";
  return (
    <Dialog open={open} onOpenChange={(next) => showOverlay(next ? "palette" : null)}>
      <DialogContent showClose={false} className="top-[12vh] max-w-xl translate-y-0 overflow-hidden p-0">
        <DialogTitle className="sr-only">{messages.palette.title}</DialogTitle>
        <DialogDescription className="sr-only">{messages.palette.description}</DialogDescription>
        <PaletteList />
      </DialogContent>
    </Dialog>
  );
}

function PaletteList() {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const { setTheme } = useTheme();
  const visits = useVisits();
  const apple = useApple();
  // The shell's own shortcuts are the entries above; what has no group belongs to the page that is open.
  const actions = useShortcutList().filter((shortcut) => shortcut.group === undefined);
  const [query, setQuery] = useState("");
  const pasted = uuid.exec(query)?.[0].toLowerCase();

  // An action may open a dialog of its own: this one must be gone first, or it would take the focus back.
  const act = (action: () => void) => () => {
    showOverlay(null);
    requestAnimationFrame(action);
  };
  const go = (href: string) => act(() => router.push(href));

  return (
    <Command label={messages.palette.title} loop>
      <CommandInput value={query} onValueChange={setQuery} placeholder={messages.palette.placeholder} autoFocus />
      <CommandList>
        <CommandEmpty>{messages.palette.empty}</CommandEmpty>
        {pasted ? (
          <CommandGroup heading={messages.palette.run}>
            <CommandItem value={query} onSelect={go(`/runs/${pasted}`)}>
              <CircleDot aria-hidden />
              {messages.palette.openRun(truncateMiddle(pasted))}
            </CommandItem>
          </CommandGroup>
        ) : null}
        {actions.length > 0 ? (
          <CommandGroup heading={messages.palette.actions}>
            {actions.map((shortcut) => (
              <CommandItem key={shortcut.keys.join(" ")} value={`action ${shortcut.label}`} onSelect={act(shortcut.run)}>
                <Zap aria-hidden />
                {shortcut.label}
                <CommandShortcut>
                  <Keys keys={shortcut.keys} apple={apple} />
                </CommandShortcut>
              </CommandItem>
            ))}
          </CommandGroup>
        ) : null}
        <CommandGroup heading={messages.palette.goTo}>
          {navEntries.map(({ href, label, icon: Icon, key }) => (
            <CommandItem key={href} value={`go ${label}`} onSelect={go(inEnvironment(href))}>
              <Icon aria-hidden />
              {label}
              <CommandShortcut>
                <Keys keys={["g", key]} />
              </CommandShortcut>
            </CommandItem>
          ))}
        </CommandGroup>
        {visits.length > 0 ? (
          <CommandGroup heading={messages.palette.recent}>
            {visits.map((visit) => (
              <CommandItem key={visit.href} value={`recent ${visit.title} ${visit.detail ?? ""} ${visit.href}`} onSelect={go(visit.href)}>
                <Clock aria-hidden />
                <span className="truncate">{visit.title}</span>
                {visit.detail ? <code className="text-xs text-muted-foreground">{visit.detail}</code> : null}
                <ArrowRight className="ms-auto text-muted-foreground" aria-hidden />
              </CommandItem>
            ))}
          </CommandGroup>
        ) : null}
        <CommandGroup heading={messages.palette.theme}>
          {(["light", "dark", "system"] as const).map((theme) => (
            <CommandItem key={theme} value={`theme ${theme}`} onSelect={act(() => setTheme(theme))}>
              <SunMoon aria-hidden />
              {messages.palette.themeTo(messages.shell[theme])}
            </CommandItem>
          ))}
        </CommandGroup>
      </CommandList>
    </Command>
  );
}
