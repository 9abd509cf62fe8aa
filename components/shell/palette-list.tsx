"use client";

import { ArrowRight, CirclePause, CirclePlay, Clock, Loader, Play, SunMoon, Zap } from "lucide-react";
import { useTheme } from "next-themes";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { toast } from "@/components/ui/toast";
import { environmentPath } from "@/components/common/environment-path";
import { useAct } from "@/components/common/use-act";
import { Command, CommandEmpty, CommandGroup, CommandInput, CommandItem, CommandList, CommandShortcut } from "@/components/ui/command";
import { Keys } from "@/components/ui/kbd";
import { atLeast } from "@/contracts/words";
import type { SearchHit } from "@/contracts/search";
import { messages } from "@/lib/messages";
import type { Outcome } from "@/lib/ops/attempt";
import { commandsOf, fits } from "./commands";
import { hitAddress } from "./hit-address";
import { HitLine } from "./hit-line";
import { navEntries } from "./nav";
import { navIcons } from "./nav-icons";
import { type EnvironmentChoice, useOpenEnvironment } from "./open-environment";
import { showOverlay } from "./overlays";
import { useVisits } from "./recent";
import { useApple, useShortcutList } from "./shortcuts";
import { useSearch } from "./use-search";

export type PaletteActions = {
  pauseSchedule: (scheduleId: string, note: string) => Promise<Outcome<unknown>>;
  resumeSchedule: (scheduleId: string) => Promise<Outcome<unknown>>;
};
export type PaletteListProps = {
  environments: readonly EnvironmentChoice[];
  lastEnvironmentId: string | undefined;
  actions: PaletteActions;
  query: string;
  setQuery: (query: string) => void;
};

const pathOf = (each: EnvironmentChoice) => environmentPath({ organization: each.organization_slug, project: each.project_slug, environment: each.slug });

const foundValue = ({ kind, id, detail }: SearchHit) => `found ${kind} ${id} ${detail}`;

/** What fits the text: commands and pages from here, everything else from one search on the server. */
export function PaletteList({ environments, lastEnvironmentId, actions, query, setQuery }: PaletteListProps) {
  const router = useRouter();
  const { setTheme } = useTheme();
  const { act } = useAct();
  const open = useOpenEnvironment(environments, lastEnvironmentId);
  const apple = useApple();
  const { hits, searching, error } = useSearch(open?.environment_id, query);
  const fitting = (text: string) => fits(query.trim(), text);
  // The shell's own shortcuts are the pages below; what has no group belongs to the page that is open.
  const onPage = useShortcutList().filter((shortcut) => shortcut.group === undefined && fitting(shortcut.label));
  const commands = commandsOf(open?.role ?? null).filter(({ label }) => fitting(label));
  const pages = open ? navEntries.filter(({ label }) => fitting(label)) : [];
  const visits = useVisits().filter((visit) => fitting(`${visit.title} ${visit.detail ?? ""} ${visit.href}`));
  const themes = query.trim() === "" ? [] : (["light", "dark", "system"] as const).filter((theme) => fitting(messages.palette.themeTo(messages.shell[theme])));

  // An action may open a dialog of its own: this one must be gone first, or it would take the focus back.
  const then = (action: () => void) => () => {
    showOverlay(null);
    requestAnimationFrame(action);
  };
  const go = (href: string) => then(() => router.push(href));
  const placeOf = (hit: SearchHit) => environments.find((each) => each.environment_id === hit.environment_id) ?? open;
  const pathTo = (hit: SearchHit) => {
    const place = placeOf(hit);
    return place ? pathOf(place) : "";
  };
  const mayOperate = (hit: SearchHit) => atLeast(placeOf(hit)?.role ?? "viewer", "operator");
  const resume = (hit: SearchHit) => act(() => actions.resumeSchedule(hit.id), () => toast.success(messages.palette.resumed(hit.title)));
  const pause = (hit: SearchHit) =>
    act(() => actions.pauseSchedule(hit.id, ""), () => toast.success(messages.palette.paused(hit.title), { action: { label: messages.palette.undo, onClick: () => resume(hit) } }));

  // What stands first is chosen until the reader moves on, also where it has only just been found.
  const typed = query.trim() !== "";
  const recentValues = visits.map((visit) => `recent ${visit.href}`);
  const values = [
    ...(typed ? [] : recentValues), ...onPage.map(({ label }) => `action ${label}`), ...pages.map(({ label }) => `go ${label}`), ...commands.map(({ label }) => `begin ${label}`), ...hits.map(foundValue), ...(typed ? recentValues : []),
  ];
  const [chosen, setChosen] = useState({ query, value: "" });
  const value = chosen.query === query && chosen.value !== "" ? chosen.value : (values[0] ?? "");

  // Before anything is typed, the way back comes first.
  const recent = visits.length > 0 ? (
      <CommandGroup heading={messages.palette.recent}>
        {visits.map((visit) => (
          <CommandItem key={visit.href} value={`recent ${visit.href}`} onSelect={go(visit.href)}>
            <Clock aria-hidden />
            <span className="truncate">{visit.title}</span>
            {visit.detail ? <code className="text-xs text-muted-foreground">{visit.detail}</code> : null}
            <ArrowRight className="ms-auto text-muted-foreground" aria-hidden />
          </CommandItem>
        ))}
      </CommandGroup>
    ) : null;

  return (
    <Command label={messages.palette.title} loop shouldFilter={false} value={value} onValueChange={(next) => setChosen({ query, value: next })}>
      <CommandInput value={query} onValueChange={setQuery} placeholder={messages.palette.placeholder} autoFocus />
      <CommandList>
        {searching ? null : <CommandEmpty>{error ? error.message : messages.palette.empty}</CommandEmpty>}
        {typed ? null : recent}
        {onPage.length > 0 ? (
          <CommandGroup heading={messages.palette.actions}>
            {onPage.map((shortcut) => (
              <CommandItem key={shortcut.keys.join(" ")} value={`action ${shortcut.label}`} onSelect={then(shortcut.run)}>
                <Zap aria-hidden />
                {shortcut.label}
                <CommandShortcut><Keys keys={shortcut.keys} apple={apple} /></CommandShortcut>
              </CommandItem>
            ))}
          </CommandGroup>
        ) : null}
        {open && pages.length > 0 ? (
          <CommandGroup heading={messages.palette.goTo}>
            {pages.map(({ href, label, key }) => {
              const Icon = navIcons[href];
              return (
                <CommandItem key={href} value={`go ${label}`} onSelect={go(pathOf(open) + href)}>
                  <Icon aria-hidden />
                  {label}
                  <CommandShortcut><Keys keys={["g", key]} /></CommandShortcut>
                </CommandItem>
              );
            })}
          </CommandGroup>
        ) : null}
        {open && commands.length > 0 ? (
          <CommandGroup heading={messages.palette.begin}>
            {commands.map(({ href, label, icon: Icon }) => (
              <CommandItem key={label} value={`begin ${label}`} onSelect={go(pathOf(open) + href)}>
                <Icon aria-hidden />
                {label}
              </CommandItem>
            ))}
          </CommandGroup>
        ) : null}
        {hits.length > 0 ? (
          <CommandGroup heading={messages.palette.found}>
            {hits.map((hit) => (
              <CommandItem key={foundValue(hit)} value={foundValue(hit)} onSelect={go(pathTo(hit) + hitAddress(hit))}>
                <HitLine hit={hit} place={hit.environment_id === open?.environment_id ? undefined : placeOf(hit)} />
              </CommandItem>
            ))}
            {hits.filter((hit) => mayOperate(hit)).map((hit) =>
              hit.kind === "pipeline" ? (
                <CommandItem key={`run ${hit.id} ${hit.detail}`} value={`run ${hit.id} ${hit.detail}`} onSelect={go(`${pathTo(hit)}/pipelines/${hit.id}/run`)}>
                  <Play aria-hidden />
                  {messages.palette.runNamed(hit.title)}
                </CommandItem>
              ) : hit.kind === "schedule" ? (
                <CommandItem key={`clock ${hit.id}`} value={`clock ${hit.id}`} onSelect={then(() => (hit.state === "paused" ? resume(hit) : pause(hit)))}>
                  {hit.state === "paused" ? <CirclePlay aria-hidden /> : <CirclePause aria-hidden />}
                  {hit.state === "paused" ? messages.palette.resumeNamed(hit.title) : messages.palette.pauseNamed(hit.title)}
                </CommandItem>
              ) : null,
            )}
          </CommandGroup>
        ) : null}
        {typed ? recent : null}
        {themes.length > 0 ? (
          <CommandGroup heading={messages.palette.theme}>
            {themes.map((theme) => (
              <CommandItem key={theme} value={`theme ${theme}`} onSelect={then(() => setTheme(theme))}>
                <SunMoon aria-hidden />
                {messages.palette.themeTo(messages.shell[theme])}
              </CommandItem>
            ))}
          </CommandGroup>
        ) : null}
      </CommandList>
      <p role="status" className="flex h-7 shrink-0 items-center gap-1.5 border-t px-3 text-xs text-muted-foreground">
        {searching ? <><Loader className="size-3 animate-spin motion-reduce:animate-none" aria-hidden />{messages.palette.searching}</> : query.trim().length > 1 && !error ? messages.palette.count(hits.length) : messages.palette.hint}
      </p>
    </Command>
  );
}
