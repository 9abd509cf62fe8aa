"use client";

import { BookmarkPlus, Check, Pencil, Star, Trash2, Users } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { ConfirmButton } from "@/components/common/confirm-button";
import { Link, useEnvironmentHref } from "@/components/common/link";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import type { Taken } from "@/components/ui/on-demand";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover-parts";
import type { View } from "@/contracts/view";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/views";
import type { ViewMenuProps } from "./view-menu";
import { viewAddress } from "./view-query";
import { type ViewDraft, ViewDialog } from "./view-dialog";

export type ViewListProps = ViewMenuProps & {
  /** What the address shows. */
  query: string;
  current: View | undefined;
};

/** Opens a view, keeps what is shown as one, and looks after those that are there. */
export function ViewsList({ list, projectId, views, refusedToShare, governs, actions, query, current, button }: Taken & ViewListProps) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const { pending, act } = useAct();
  const [open, setOpen] = useState(true);
  const [draft, setDraft] = useState<ViewDraft | null>(null);
  const chosen = (view: View) => views.default_view_id === view.view_id;
  const edit = (next: ViewDraft) => {
    setOpen(false);
    setDraft(next);
  };
  const save = (wanted: ViewDraft) =>
    act(() => actions.save({ ...wanted, project_id: projectId, list }), (view) => {
      setDraft(null);
      router.push(inEnvironment(viewAddress(list, view.query)));
    });
  return (
    <>
      <Popover open={open} onOpenChange={setOpen}>
        <PopoverTrigger asChild>{button}</PopoverTrigger>
        <PopoverContent align="end" className="grid w-80 gap-1 p-1" aria-label={words.viewsList.savedViews}>
          <ul className="max-h-72 overflow-y-auto">
            <li><ViewLink href={viewAddress(list, null)} name={words.viewsList.everything} current={query === ""} onOpen={() => setOpen(false)} /></li>
            {views.items.map((view) => (
              <li key={view.view_id} className="flex items-center gap-0.5 rounded-sm hover:bg-accent">
                <ViewLink href={viewAddress(list, view.query)} name={view.name} shared={view.shared} title={view.shared ? words.viewsList.sharedBy(view.made_by ?? "somebody") : undefined} current={view === current} onOpen={() => setOpen(false)} />
                <Button variant="ghost" size="icon-sm" disabled={pending} title={chosen(view) ? words.viewsList.thisListOpens : words.viewsList.openThisListWithIt} aria-label={words.viewsList.default(view.name)} aria-pressed={chosen(view)} onClick={() => act(() => actions.setDefault(projectId, list, chosen(view) ? null : view.view_id))}>
                  <Star className={cn(chosen(view) && "fill-current text-link")} aria-hidden />
                </Button>
                {view.own || governs ? (
                  <>
                    <Button variant="ghost" size="icon-sm" disabled={pending} aria-label={words.viewsList.change(view.name)} onClick={() => edit(view)}><Pencil aria-hidden /></Button>
                    <ConfirmButton
                      variant="ghost" size="icon-sm" disabled={pending} aria-label={words.viewsList.delete(view.name)} confirm={words.viewsList.deleteConfirm} title={words.viewsList.deleteTheViewQuestion(view.name)}
                      description={view.shared ? words.viewsList.deleteTheViewDescription : words.viewsList.noRunOrTableIsTouched} onConfirm={() => act(() => actions.remove(view.view_id))}
                    ><Trash2 aria-hidden /></ConfirmButton>
                  </>
                ) : null}
              </li>
            ))}
          </ul>
          <div className="grid gap-1 border-t pt-1">
            {current === undefined && query !== "" ? (
              <Button variant="ghost" size="sm" className="justify-start" onClick={() => edit({ name: "", query, shared: false })}><BookmarkPlus aria-hidden />{words.viewsList.saveTheseFiltersAsAView}</Button>
            ) : (
              <p className="px-2 py-1 text-xs text-muted-foreground">{query === "" ? words.viewsList.setFiltersToKeepThem : words.viewsList.theseFiltersAreKeptAlready}</p>
            )}
          </div>
        </PopoverContent>
      </Popover>
      {draft ? <ViewDialog draft={draft} shown={query} pending={pending} refusedToShare={refusedToShare} onSave={save} onClose={() => setDraft(null)} /> : null}
    </>
  );
}

function ViewLink({ href, name, shared = false, title, current, onOpen }: { href: string; name: string; shared?: boolean; title?: string; current: boolean; onOpen: () => void }) {
  return (
    <Link href={href} title={title} aria-current={current ? "true" : undefined} onClick={onOpen} className="flex min-h-8 min-w-0 flex-1 items-center gap-2 rounded-sm px-2 text-sm hover:bg-accent">
      {current ? <Check className="size-4 shrink-0" aria-hidden /> : <span className="size-4 shrink-0" aria-hidden />}
      <span className="truncate">{name}</span>
      {shared ? <><Users className="size-3.5 shrink-0 text-muted-foreground" aria-hidden /><span className="sr-only">{words.viewsList.shared}</span></> : null}
    </Link>
  );
}
