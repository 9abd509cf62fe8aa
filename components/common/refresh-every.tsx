"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";

/** Reads the page again at an interval, for what has no stream; not in a hidden tab, and at once when it is looked at again. */
export function RefreshEvery({ milliseconds }: { milliseconds: number }) {
  const router = useRouter();
  useEffect(() => {
    const look = () => !document.hidden && router.refresh();
    const timer = setInterval(look, milliseconds);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [router, milliseconds]);
  return null;
}
