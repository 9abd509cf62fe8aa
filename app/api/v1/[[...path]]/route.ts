import { notFound } from "@/lib/api/handler.ts";

export const dynamic = "force-dynamic";

export const GET = notFound;
export const HEAD = notFound;
export const POST = notFound;
export const PUT = notFound;
export const PATCH = notFound;
export const DELETE = notFound;
