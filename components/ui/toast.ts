import type { ReactNode } from "react";

type ToastOptions = { /** What undoes it, or looks after it. */ action?: { label: string; onClick: () => void } };
export type Toast = { kind: "error" | "success" | "warning"; message: ReactNode; options?: ToastOptions };

let show: ((toast: Toast) => void) | null = null;
let waiting: Toast[] = [];
let wanted: (() => void) | null = null;

function add(toast: Toast) {
  if (show !== null) return show(toast);
  waiting.push(toast);
  wanted?.();
}

/** What just happened, said in a corner (components/ui/toaster.tsx), which is loaded with the first of them. */
export const toast = {
  error: (message: ReactNode, options?: ToastOptions) => add({ kind: "error", message, options }),
  success: (message: ReactNode, options?: ToastOptions) => add({ kind: "success", message, options }),
  warning: (message: ReactNode, options?: ToastOptions) => add({ kind: "warning", message, options }),
};

/** For the page's one corner: `onWanted` is called when the first toast is there. */
export function onToastWanted(onWanted: () => void): () => void {
  wanted = onWanted;
  if (waiting.length > 0) onWanted();
  return () => {
    wanted = null;
  };
}

/** For the loaded corner: takes the toasts that wait, and each that follows. */
export function takeToasts(take: (toast: Toast) => void): () => void {
  show = take;
  for (const each of waiting) take(each);
  waiting = [];
  return () => {
    show = null;
  };
}
