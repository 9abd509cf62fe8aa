"use client";

import { Slot } from "radix-ui";
import { type FocusEvent, type PointerEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { cn } from "@/lib/cn";

// In milliseconds. Who has just read one does not wait for the next; who is on the way from its button into it does not lose it.
const delay = 350;
const nextAtOnce = 200;
const grace = 120;
// In pixels: between the button and the hint, and between the hint and the edge of the window.
const gap = 4;
const edge = 8;

let closedAt = Number.NEGATIVE_INFINITY;

type Side = "top" | "bottom";
type TooltipProps = {
  /** What is said; nothing said means no tooltip at all. */
  content: ReactNode;
  /** One element that takes a ref and events. */
  children: ReactNode;
  /** Where there is room on it. */
  side?: Side;
  className?: string;
};

/**
 * A hoverable, dismissible hint (WCAG 1.4.13). Never the only place where something is said. Our own, since every row of a list has some:
 * a hint that is not shown costs no component of a library.
 */
export function Tooltip({ content, children, side = "top", className }: TooltipProps) {
  const id = useId();
  const [anchor, setAnchor] = useState<Element | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const inside = useRef(false);
  useEffect(() => () => clearTimeout(timer.current), []);
  if (content == null || content === "") return children;

  const show = (element: Element, after: number) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => element.isConnected && setAnchor(element), after);
  };
  const hide = (after: number) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      if (anchor !== null) closedAt = performance.now();
      setAnchor(null);
    }, after);
  };
  return (
    <>
      <Slot.Root
        aria-describedby={anchor === null ? undefined : id}
        // A move, not an entry: under a pointer that rests, a page that opens or scrolls says nothing.
        onPointerMove={(event: PointerEvent) => {
          if (inside.current || event.pointerType === "touch") return;
          inside.current = true;
          show(event.currentTarget, performance.now() - closedAt < nextAtOnce ? 0 : delay);
        }}
        onPointerLeave={() => {
          inside.current = false;
          hide(grace);
        }}
        onPointerDown={() => hide(0)}
        onFocus={(event: FocusEvent) => event.currentTarget.matches(":focus-visible") && show(event.currentTarget, 0)}
        onBlur={() => hide(0)}
      >
        {children}
      </Slot.Root>
      {anchor === null ? null : createPortal(
        <Hint id={id} anchor={anchor} side={side} className={className} onEnter={() => clearTimeout(timer.current)} onLeave={() => hide(grace)} onDismiss={() => hide(0)}>{content}</Hint>,
        document.body,
      )}
    </>
  );
}

type HintProps = { id: string; anchor: Element; side: Side; className: string | undefined; children: ReactNode; onEnter: () => void; onLeave: () => void; onDismiss: () => void };

function Hint({ id, anchor, side, className, children, onEnter, onLeave, onDismiss }: HintProps) {
  const box = useRef<HTMLDivElement>(null);
  const dismiss = useRef(onDismiss);
  useLayoutEffect(() => {
    dismiss.current = onDismiss;
  });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const [target, { width, height }] = [anchor.getBoundingClientRect(), element.getBoundingClientRect()];
    const above = side === "top" ? target.top - gap - height >= edge : target.bottom + gap + height > innerHeight - edge;
    element.style.top = `${above ? target.top - gap - height : target.bottom + gap}px`;
    element.style.left = `${Math.max(edge, Math.min(target.left + (target.width - width) / 2, document.documentElement.clientWidth - width - edge))}px`;
  }, [anchor, side, children]);
  useEffect(() => {
    // Before whatever lies beneath hears of it: a dialog stays open when only its hint was meant.
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      dismiss.current();
    };
    const onScroll = (event: Event) => event.target instanceof Node && event.target.contains(anchor) && dismiss.current();
    addEventListener("keydown", onKeyDown, { capture: true });
    addEventListener("scroll", onScroll, { capture: true, passive: true });
    return () => {
      removeEventListener("keydown", onKeyDown, { capture: true });
      removeEventListener("scroll", onScroll, { capture: true });
    };
  }, [anchor]);
  return (
    <div
      ref={box}
      id={id}
      role="tooltip"
      data-slot="tooltip-content"
      onPointerEnter={onEnter}
      onPointerLeave={onLeave}
      className={cn("fixed top-0 left-0 z-50 w-max max-w-72 rounded-sm bg-tooltip px-2 py-1 text-xs text-pretty text-tooltip-foreground shadow-md", className)}
    >
      {children}
    </div>
  );
}
