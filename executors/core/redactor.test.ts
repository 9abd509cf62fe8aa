import fc from "fast-check";
import { expect, test } from "vitest";
import { redactor } from "./redactor.ts";

const secret = "pä$$w/rd+& 'x\"\\?";

test("a secret is taken out as it is, and as it looks in JSON, a URL, a form, SQL, hex and base64", () => {
  const redact = redactor([secret]);
  const bytes = Buffer.from(secret);
  const printed = [
    secret, JSON.stringify({ a: { b: secret } }), JSON.stringify(JSON.stringify(secret)).slice(0, 0) + JSON.stringify(secret), `https://db/?p=${encodeURIComponent(secret)}`, new URLSearchParams({ p: secret }).toString(),
    encodeURI(secret), `'${secret.replaceAll("'", "''")}'`, bytes.toString("hex"), bytes.toString("hex").toUpperCase(), `"p\\u00e4$$w/rd+& 'x\\"\\\\?"`,
    ...[0, 1, 2, 3].flatMap((before) => (["base64", "base64url"] as const).map((encoding) => Buffer.from(`${"u:".padStart(before, "a").slice(0, before)}${secret}:tail`).toString(encoding))),
  ];
  for (const text of printed.filter((each) => each !== "")) {
    const left = redact.text(`before ${text} after`);
    expect(left, text).toContain("***");
    expect(left).toMatch(/^before .*after$/s);
    for (const part of ["w/rd", "w%2Frd", bytes.toString("hex").slice(4, 12), bytes.toString("base64").slice(4, 12)]) expect(left, text).not.toContain(part);
  }
});

test("a connection's URL, its password alone, and any password in a URL", () => {
  const redact = redactor(["postgres://reader:p%40ss-word@db:5432/odoo"]);
  expect(redact.text("cannot reach postgres://reader:p%40ss-word@db:5432/odoo")).toBe("cannot reach ***");
  expect(redact.text("password p@ss-word is wrong")).toBe("password *** is wrong");
  expect(redact.text("at mysql://a:b@c/d")).toBe("at mysql://a:***@c/d");
  expect(redact.known("at mysql://a:b@c/d")).toBe("at mysql://a:b@c/d");
});

test("each line of a secret with several, deep in a value, in keys too, also when it was learned later", () => {
  const redact = redactor();
  const value = { list: ["line-one-of-key", { "line-two-of-key": 1, when: 3n, none: null }] };
  expect(redact.value(value)).toEqual(value);
  redact.add("line-one-of-key\nline-two-of-key\n");
  expect(redact.value(value)).toEqual({ list: ["***", { "***": 1, when: 3n, none: null }] });
});

test("a secret does not leave by lying deeper than others", () => {
  const redact = redactor(["the-secret"]);
  const nested = (depth: number): unknown => Array.from({ length: depth }).reduce<unknown>((inner) => [inner], { "the-secret": "the-secret" });
  for (const depth of [61, 199, 1000]) expect(JSON.stringify(redact.value(nested(depth)))).not.toContain("the-secret");
});

test("a stream gives what the whole text would give, wherever its pieces end", async () => {
  const redact = redactor(["secret-α", "secret-α-longer", "other"]);
  await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom("secret-α", "secret-α-longer", "secret-", "other", "oth", "α", "-longer", " ", "\u0000ÿ"), { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }), async (words, sizes) => {
    const whole = Buffer.from(words.join(""));
    const pieces = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0, n = 0; at < whole.length; n += 1) {
          const size = sizes[n % sizes.length] as number;
          controller.enqueue(whole.subarray(at, at + size));
          at += size;
        }
        controller.close();
      },
    });
    const streamed = Buffer.from(await new Response(pieces.pipeThrough(redact.stream()) as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
    expect(streamed.toString("latin1")).toBe(Buffer.from(redact.bytes(whole)).toString("latin1"));
    expect(streamed.toString()).toBe(redact.known(whole.toString()));
  }), { numRuns: 300 });
});
