"use client";

import { type ComponentType, useEffect, useState } from "react";
import { onToastWanted } from "./toast";

/** The one place toasts appear; call `toast` of ./toast.ts. Loaded with the first of them. */
export function Toaster() {
  const [Corner, setCorner] = useState<ComponentType | null>(null);
  useEffect(() => onToastWanted(() => void import("./toast-corner").then((loaded) => setCorner(() => loaded.ToastCorner), () => undefined)), []);
  return Corner === null ? null : <Corner />;
}
