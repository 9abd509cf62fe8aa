import type { Instrumentation } from "next";

/** What fails while a page renders goes to the log as one JSON line, with the digest that the page shows. */
export const onRequestError: Instrumentation.onRequestError = async (error, request, context) => {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { log } = await import("@/lib/log.ts");
  log.error({ err: error, method: request.method, path: request.path.split("?")[0], route: context.routePath, kind: context.routeType }, "a request failed");
};
