"use client";

import dynamic from "next/dynamic";
import { Skeleton } from "@/components/ui/skeleton";

/** The editor is fetched when a page shows one: lists and details never pay for it. */
export const LazyYamlEditor = dynamic(() => import("./yaml-editor").then((loaded) => loaded.YamlEditor), { ssr: false, loading: () => <Skeleton className="h-96" /> });
