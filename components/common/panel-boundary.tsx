"use client";

import { catchError, type ErrorInfo } from "next/error";
import { ErrorState } from "./error-state";
import { describeError } from "./describe-error";

type PanelBoundaryProps = { title?: string };

function PanelFallback({ title }: PanelBoundaryProps, { error, retry }: ErrorInfo) {
  return <ErrorState title={title} {...describeError(error)} onRetry={retry} className="rounded-lg border" />;
}

/** Keeps the failure of one panel inside it: wrap each part of a page that loads by itself. */
export const PanelBoundary = catchError(PanelFallback);
