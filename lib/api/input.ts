import type { z } from "zod";
import { isStorableText } from "@/contracts/common.ts";
import { ControlRoomError, type ErrorPlace } from "@/contracts/error.ts";
import type { Operation } from "@/contracts/http.ts";

/** Zod's issues as places: a JSON pointer below `pointer`, or a bare field name where that is null. */
export function placesOf(error: z.ZodError, pointer: string | null): ErrorPlace[] {
  return error.issues.flatMap((issue): ErrorPlace[] => {
    const path = issue.path.map((part) => String(part).replaceAll("~", "~0").replaceAll("/", "~1"));
    const place = pointer === null ? path.join("/") : pointer + path.map((part) => `/${part}`).join("");
    // Each unknown name is its own place, so that a form can point at it.
    if (issue.code !== "unrecognized_keys") return [{ path: place, message: issue.message, code: issue.code }];
    return issue.keys.map((key) => ({ path: pointer === null ? key : `${place}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, message: "is not known here", code: issue.code }));
  });
}

/** Throws `invalid_input` with every place that is wrong, or `limit_exceeded` for a page of more than one may ask for. `what` is a word for people: body, query … */
export function parseOrRefuse<T extends z.ZodType>(schema: T, value: unknown, what: string, pointer: string | null): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = placesOf(parsed.error, pointer).slice(0, 100);
  const first = errors[0];
  const isPageSize = what === "query" && parsed.error.issues.every((issue) => issue.code === "too_big" && issue.path[0] === "limit");
  throw new ControlRoomError(isPageSize ? "limit_exceeded" : "invalid_input", `The ${what} is not valid${first ? `: ${first.path || "it"}: ${first.message}` : ""}.`, { errors });
}

/** Query parameters by the contract. An unknown or repeated one is refused: a mistyped filter would list everything. */
export function parseQuery(operation: Operation, search: URLSearchParams): Record<string, unknown> {
  const known = operation.query?.shape ?? {};
  const given: Record<string, string> = {};
  const errors: ErrorPlace[] = [];
  for (const [name, value] of search) {
    if (!Object.hasOwn(known, name)) errors.push({ path: name, message: "is not a parameter of this operation" });
    else if (Object.hasOwn(given, name)) errors.push({ path: name, message: "is given more than once" });
    else if (!isStorableText(value)) throw new ControlRoomError("invalid_text", undefined, { errors: [{ path: name, message: "holds a NUL byte or a lone surrogate" }] });
    else given[name] = value;
  }
  if (errors.length > 0) throw new ControlRoomError("invalid_input", `The query is not valid: ${errors[0]?.path}: ${errors[0]?.message}.`, { errors });
  return operation.query ? parseOrRefuse<z.ZodType<Record<string, unknown>>>(operation.query, given, "query", null) : {};
}

/** Path parameters by the contract. What cannot be an id is nothing that exists: `not_found` would hide the mistake. */
export function parseParams(operation: Operation, given: Record<string, string | string[] | undefined>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(operation.params ?? {})) {
    const parsed = schema.safeParse(given[name]);
    if (!parsed.success) {
      const message = parsed.error.issues[0]?.message ?? "is not valid";
      throw new ControlRoomError("invalid_input", `The path is not valid: ${name}: ${message}.`, { errors: [{ path: name, message }] });
    }
    values[name] = parsed.data;
  }
  return values;
}

/** The contract's own headers (`Lease-Token`, …); absent optional ones are left out. */
export function parseHeaders(operation: Operation, headers: Headers): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, { schema, required }] of Object.entries(operation.headers ?? {})) {
    const given = headers.get(name);
    if (given === null && !required) continue;
    const parsed = schema.safeParse(given ?? undefined);
    if (!parsed.success || (typeof given === "string" && !isStorableText(given))) {
      const message = given === null ? "is missing" : (parsed.error?.issues[0]?.message ?? "is not valid");
      throw new ControlRoomError("invalid_input", `The header ${name} ${given === null ? message : `is not valid: ${message}`}.`, { errors: [{ path: name, message }] });
    }
    values[name] = parsed.data;
  }
  return values;
}
