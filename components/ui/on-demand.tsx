"use client";

import { Slot } from "radix-ui";
import { type ComponentType, createContext, type KeyboardEvent, type MouseEvent, type ReactElement, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { messages } from "@/lib/messages";
import { toast } from "./toast";

/*
 * What a page does not need to be read (menus, dialogs, their libraries) is not part of what it loads first. It comes on the way to it,
 * when a pointer or the focus reaches its button, and at the latest with the press.
 */

/** A component of its own chunk: `() => import("./menu").then((loaded) => loaded.Menu)`. */
export type Load<P> = () => Promise<ComponentType<P>>;

/** What `load` brings, as soon as it has been `wanted` and has arrived; null until then. */
export function useLoaded<T>(load: () => Promise<T>, wanted: boolean): T | null {
  const [loaded, setLoaded] = useState<{ value: T } | null>(null);
  const start = useRef(load);
  useEffect(() => {
    if (!wanted || loaded !== null) return;
    let gone = false;
    start.current().then((value) => !gone && setLoaded({ value }), () => toast.error(messages.error.partMissing));
    return () => {
      gone = true;
    };
  }, [wanted, loaded]);
  return loaded === null ? null : loaded.value;
}

/** Stands for a dialog that is on its way: to the shortcuts of single keys it counts as open, so that what is typed meanwhile does nothing else. */
export function PendingOverlay() {
  return <div role="dialog" aria-busy="true" hidden />;
}

/** A dialog with `open`: loaded when it is first opened, there from then on, so that it can also close with its motion. */
export function OnDemandDialog<P extends { open: boolean }>({ load, dialog }: { load: Load<P>; dialog: P }) {
  const Dialog = useLoaded(load, dialog.open);
  if (Dialog !== null) return <Dialog {...dialog} />;
  return dialog.open ? <PendingOverlay /> : null;
}

type Props<Part> = Part extends (props: infer P) => ReactNode ? P : never;
/** Without `open` the root keeps for itself whether it is. */
type RootProps = { open?: boolean; onOpenChange?: (open: boolean) => void; children?: ReactNode };

/**
 * The parts of a dialog's family under their own names, for a module that a page loads first: the root and the trigger work at once, and
 * bring the others, with their library, when the root opens.
 */
export function partsOnDemand<Parts extends object>(load: () => Promise<Parts>, names: { root: keyof Parts; trigger: keyof Parts }) {
  const Family = createContext<{ parts: Parts | null; onNear: () => void; onPress: () => void }>({ parts: null, onNear: () => {}, onPress: () => {} });

  function Root({ open: given, onOpenChange, children }: RootProps) {
    const [near, setNear] = useState(false);
    const [own, setOwn] = useState(false);
    const open = given ?? own;
    const change = onOpenChange ?? setOwn;
    const parts = useLoaded(load, near || open);
    const family = useMemo(() => ({ parts, onNear: () => setNear(true), onPress: () => change(true) }), [parts, change]);
    const LoadedRoot = parts?.[names.root] as ComponentType<RootProps> | undefined;
    return <Family value={family}>{LoadedRoot ? <LoadedRoot open={open} onOpenChange={change}>{children}</LoadedRoot> : <>{children}{open ? <PendingOverlay /> : null}</>}</Family>;
  }

  function Trigger({ children }: { asChild: true; children: ReactElement }) {
    const { parts, onNear, onPress } = useContext(Family);
    const LoadedTrigger = parts?.[names.trigger] as ComponentType<{ asChild: true; children: ReactElement }> | undefined;
    if (LoadedTrigger) return <LoadedTrigger asChild>{children}</LoadedTrigger>;
    return <Slot.Root aria-haspopup="dialog" aria-expanded={false} onPointerEnter={onNear} onClick={onPress}>{children}</Slot.Root>;
  }

  function part<Name extends keyof Parts>(name: Name) {
    return function Part(props: Props<Parts[Name]>) {
      const Loaded = useContext(Family).parts?.[name] as ComponentType<Props<Parts[Name]>> | undefined;
      return Loaded ? <Loaded {...(props as Props<Parts[Name]> & object)} /> : null;
    };
  }

  return { Root, Trigger, part };
}

/** How a menu was opened: by keyboard its first item is taken at once. */
export type Opened = "pointer" | "keyboard";
/** What a loaded menu, list or popover is given: the button that it takes over, and that it begins open. */
export type Taken = { button: ReactElement; opened: Opened };

type OnDemandButtonProps<P extends Taken> = {
  load: Load<P>;
  /** For the loaded part. */
  part: Omit<P, keyof Taken>;
  popup: "menu" | "dialog" | "listbox";
  /** One button that takes a ref and events. */
  children: ReactElement;
};

/** A button with something that opens. The first press loads it; it then has the button for its own, with its focus and keys. */
export function OnDemandButton<P extends Taken>({ load, part, popup, children }: OnDemandButtonProps<P>) {
  const [near, setNear] = useState(false);
  const [opened, setOpened] = useState<Opened | null>(null);
  const Part = useLoaded(load, near || opened !== null) as ComponentType<Omit<P, keyof Taken> & Taken> | null;
  if (Part !== null && opened !== null) return <Part {...part} button={children} opened={opened} />;
  return (
    <Slot.Root
      aria-haspopup={popup}
      aria-expanded={false}
      aria-busy={opened !== null || undefined}
      data-state="closed"
      onPointerEnter={() => setNear(true)}
      onFocus={() => setNear(true)}
      onClick={(event: MouseEvent) => setOpened(event.detail === 0 ? "keyboard" : "pointer")}
      onKeyDown={(event: KeyboardEvent) => {
        if (popup === "dialog" || (event.key !== "ArrowDown" && !(popup === "listbox" && event.key === "ArrowUp"))) return;
        event.preventDefault();
        setOpened("keyboard");
      }}
    >
      {children}
    </Slot.Root>
  );
}
