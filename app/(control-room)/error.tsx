"use client";

import { FailedPage, type FailedPageProps } from "@/components/common/failed-page";

/** As the one inside an environment, for pages that stand beside it and bring their frame themselves. */
export default function ControlRoomError(props: FailedPageProps) {
  return <main className="grid min-h-dvh place-items-center"><FailedPage {...props} /></main>;
}
