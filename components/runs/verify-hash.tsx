"use client";

import { CircleCheck, CircleX, Loader, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import type { Artifact } from "@/contracts/artifact";
import { formatBytes } from "@/lib/format";
import { words } from "@/lib/messages/run-panels";

/** WebCrypto hashes what lies in memory as a whole; more than this would stall the tab. */
const largest = 256_000_000;
const timeoutMs = 120_000;

type State = { kind: "idle" | "busy" | "equal" } | { kind: "differs"; found: string } | { kind: "impossible"; why: string };

/** Downloads the bytes and hashes them here, in the browser: the proof does not rest on the server's word. */
export function VerifyHash({ artifact }: { artifact: Artifact }) {
  const [state, setState] = useState<State>({ kind: "idle" });
  const verify = async () => {
    if (globalThis.crypto?.subtle === undefined) return setState({ kind: "impossible", why: words.verifyHash.theBrowserHashesOnlyOver });
    if (Number(artifact.byte_size) > largest) return setState({ kind: "impossible", why: words.verifyHash.largerThanDownload(formatBytes(largest)) });
    setState({ kind: "busy" });
    try {
      const response = await fetch(`/api/v1/artifacts/${artifact.artifact_id}/content`, { cache: "no-store", signal: AbortSignal.timeout(timeoutMs) });
      if (!response.ok) return setState({ kind: "impossible", why: words.verifyHash.theBytesCouldNotBeRead(response.status) });
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
      const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
      setState(found === artifact.sha256 ? { kind: "equal" } : { kind: "differs", found });
    } catch {
      setState({ kind: "impossible", why: words.verifyHash.theBytesCouldNot });
    }
  };
  return (
    <span className="inline-flex items-center gap-1.5">
      {state.kind === "idle" || state.kind === "busy" ? (
        <Button variant="ghost" size="xs" disabled={state.kind === "busy"} aria-label={words.verifyHash.verifyInTheBrowser(artifact.name)} onClick={() => void verify()}>
          {state.kind === "busy" ? <Loader className="size-3.5 animate-spin motion-reduce:animate-none" aria-hidden /> : <ShieldCheck className="size-3.5" aria-hidden />}
          {state.kind === "busy" ? words.verifyHash.hashing : words.verifyHash.verify}
        </Button>
      ) : null}
      <span role="status" className="text-xs font-medium">
        {state.kind === "equal" ? <span className="inline-flex items-center gap-1 text-succeeded"><CircleCheck className="size-3.5" aria-hidden />{words.verifyHash.verifiedHere}</span> : null}
        {state.kind === "differs" ? <span className="inline-flex items-center gap-1 text-failed"><CircleX className="size-3.5" aria-hidden />{words.verifyHash.bytesHashTo(state.found.slice(0, 8))}</span> : null}
        {state.kind === "impossible" ? <span className="text-warning">{state.why}</span> : null}
      </span>
    </span>
  );
}
