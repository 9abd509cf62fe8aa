"use client";

import { useEffect } from "react";
import { useEnvironmentHref } from "@/components/common/link";
import { rememberVisit, type Visit } from "./recent";

/** Put on a page: it appears under "Recent" in the palette. */
export function RememberVisit({ href, title, detail }: Visit) {
  const address = useEnvironmentHref()(href);
  useEffect(() => rememberVisit({ href: address, title, detail }), [address, title, detail]);
  return null;
}
