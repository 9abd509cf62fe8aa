"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { fetchJson } from "@/components/common/fetch-json";
import type { SearchHit } from "@/contracts/search";

const typingMs = 150;
const none: SearchHit[] = [];

/** What the server finds for what is typed, a moment after the last key. `searching` until the answer is that of the text as it stands. */
export function useSearch(environmentId: string | undefined, text: string): { hits: SearchHit[]; searching: boolean; error: Error | null } {
  const typed = text.trim().slice(0, 400);
  const [asked, setAsked] = useState(typed);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(typed), typingMs);
    return () => clearTimeout(timer);
  }, [typed]);
  const enabled = environmentId !== undefined && asked.length > 1;
  const { data, error, isFetching } = useQuery({
    queryKey: ["search", environmentId, asked],
    queryFn: ({ signal }) => fetchJson<{ items: SearchHit[] }>(`/api/v1/search?${new URLSearchParams({ environment_id: environmentId ?? "", query: asked })}`, signal),
    enabled,
    placeholderData: keepPreviousData,
  });
  return { hits: enabled && typed !== "" ? (data?.items ?? none) : none, searching: environmentId !== undefined && typed.length > 1 && (isFetching || asked !== typed), error: enabled ? error : null };
}
