import { expect, test } from "vitest";
import { parseEnv } from "./env.ts";

test("older and public names stand in, the plain name wins, and an empty variable is unset", () => {
  expect(parseEnv({ NEXT_PUBLIC_SUPABASE_URL: "https://a.example", SUPABASE_ANON_KEY: "k" })).toMatchObject({ SUPABASE_URL: "https://a.example", SUPABASE_PUBLISHABLE_KEY: "k" });
  expect(parseEnv({ SUPABASE_URL: "https://b.example", NEXT_PUBLIC_SUPABASE_URL: "https://a.example" }).SUPABASE_URL).toBe("https://b.example");
  expect(parseEnv({ SUPABASE_URL: "", MAX_OBJECT_BYTES: "" })).toMatchObject({ SUPABASE_URL: undefined, MAX_OBJECT_BYTES: 50_000_000_000 });
});

test("a malformed setting is named, and its value is not shown", () => {
  const attempt = (): unknown => parseEnv({ STORAGE_RECEIPT_KEY: "not-hex-geheim", CRON_SECRET: "short" });
  expect(attempt).toThrow(expect.objectContaining({ code: "not_configured", errors: [expect.objectContaining({ path: "CRON_SECRET" }), expect.objectContaining({ path: "STORAGE_RECEIPT_KEY" })] }));
  expect(attempt).not.toThrow("geheim");
});
