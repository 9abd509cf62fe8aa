"use client";

import { FailedPage, type FailedPageProps } from "@/components/common/failed-page";

/** What no page foresaw; the shell around it stays. */
export default function ControlRoomError(props: FailedPageProps) {
  return <FailedPage {...props} />;
}
