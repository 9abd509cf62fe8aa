"use client";

import NextLink from "next/link";
import { useParams } from "next/navigation";
import type { ComponentProps } from "react";
import { environmentPath } from "./environment-path";

/**
 * Addresses of pages are written without their environment (`/runs?status=failed`): this puts the open one before
 * them. Outside of an environment they stay as they are, and the short address leads to the last one that was open.
 */
export function useEnvironmentHref(): (href: string) => string {
  const { organization, project, environment } = useParams<Partial<Record<"organization" | "project" | "environment", string>>>();
  return (href) =>
    organization && project && environment && href.startsWith("/") ? environmentPath({ organization, project, environment }) + href : href;
}

type LinkProps = Omit<ComponentProps<typeof NextLink>, "href"> & { href: string };

/** A link to a page of the open environment. */
export function Link({ href, ...rest }: LinkProps) {
  const inEnvironment = useEnvironmentHref();
  return <NextLink href={inEnvironment(href)} {...rest} />;
}
