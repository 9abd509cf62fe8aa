"use client";

import { type ComponentType, useEffect, useState } from "react";

export type FailedPageProps = { error: unknown; retry: () => void };

/** What a boundary shows. Every page carries its boundaries, and hardly ever one is seen: what they look like is loaded then. */
export function FailedPage({ error, retry }: FailedPageProps) {
  const [State, setState] = useState<ComponentType<FailedPageProps> | null>(null);
  const [unreachable, setUnreachable] = useState(false);
  useEffect(() => {
    import("./failed-page-state").then((loaded) => setState(() => loaded.FailedPageState), () => setUnreachable(true));
  }, []);
  if (State !== null) return <State error={error} retry={retry} />;
  // Not even that can be loaded: the error's own words are all that is left.
  return <div role="alert" aria-busy={!unreachable}>{unreachable ? String(error) : null}</div>;
}
