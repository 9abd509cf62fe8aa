import { expect, test } from "./support/test.ts";

// That nothing of our own is blocked, every browser test proves: a violation is an error in the console, which fails it.

type Watched = Window & { blocked: string[]; ran: string[] };

/** Markup as an attacker would get it into a page's HTML, and the directive that must stop it. */
const markup: [directive: string, html: string][] = [
  ["script-src-attr", "<img src='/none.png' onerror='ran.push(1)'>"],
  ["script-src-elem", "<script>ran.push(2)</script>"],
  ["script-src-elem", "<script nonce='guessed'>ran.push(3)</script>"],
  ["script-src-elem", "<script src='/icon.svg'></script>"],
  ["script-src-elem", "<script src='data:text/javascript,ran.push(4)'></script>"],
  ["style-src-elem", "<style>body { background: url(https://elsewhere.example/x.png) }</style>"],
  ["style-src-elem", "<link rel='stylesheet' href='https://elsewhere.example/x.css'>"],
  ["frame-src", "<iframe srcdoc='<script>parent.ran.push(5)</script>' src='/sign-in'></iframe><iframe src='https://elsewhere.example/'></iframe>"],
  ["object-src", "<object data='/icon.svg'></object>"],
  ["img-src", "<img src='https://elsewhere.example/x.png'>"],
  ["base-uri", "<base href='https://elsewhere.example/'>"],
];
const deeds: [directive: string, deed: () => void][] = [
  ["script-src", () => void Reflect.apply(setTimeout, window, ["ran.push(6)", 0])],
  ["connect-src", () => void fetch("https://elsewhere.example/").catch(() => undefined)],
  ["form-action", () => {
    document.body.insertAdjacentHTML("beforeend", "<form action='https://elsewhere.example/' method='post'></form>");
    [...document.forms].at(-1)?.submit();
  }],
];

test("what an attacker gets into a page neither runs nor reaches another site", async ({ browser, stack }) => {
  const page = await browser.newPage({ baseURL: stack.app_url });
  await page.addInitScript(() => {
    Object.assign(window, { blocked: [], ran: [] });
    document.addEventListener("securitypolicyviolation", (event) => (window as unknown as Watched).blocked.push(`${event.effectiveDirective} ${event.blockedURI}`));
  });
  await page.route("**/sign-in", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace("<body>", `<body>${markup.map(([, html]) => html).join("\n")}`) });
  });
  await page.goto("/sign-in");
  for (const [, deed] of deeds) await page.evaluate(deed);
  const wanted = [...new Set([...markup, ...deeds].map(([directive]) => directive)), `script-src-elem ${stack.app_url}/icon.svg`];
  await expect.poll(async () => {
    const blocked = await page.evaluate(() => (window as unknown as Watched).blocked);
    return wanted.filter((each) => !blocked.some((one) => one === each || one.startsWith(`${each} `)));
  }).toEqual([]);
  expect(await page.evaluate(() => (window as unknown as Watched).ran)).toEqual([]);
  await page.close();
});

test("every answer has its nonce once, every file and API answer a policy without scripts, and the session is out of scripts' reach", async ({ signedIn: page, request }) => {
  const nonceOf = (headers: Record<string, string>) => /'nonce-([^']+)'/.exec(headers["content-security-policy"] ?? "")?.[1];
  const answers = [await page.goto("/runs"), await page.reload()];
  const nonces = answers.map((answer) => nonceOf(answer?.headers() ?? {}));
  expect(nonces.every((nonce) => nonce !== undefined && nonce.length >= 22)).toBe(true);
  expect(new Set(nonces).size).toBe(2);
  expect((await answers[1]?.text())?.match(/<script(?![^>]* nonce=)[^>]*>/g) ?? []).toEqual([]);
  expect(await page.evaluate(() => document.cookie)).toBe("");
  const session = (await page.context().cookies()).filter((cookie) => cookie.name.startsWith("control-room-"));
  expect(session.length).toBeGreaterThan(0);
  expect(session.every((cookie) => cookie.httpOnly && cookie.sameSite === "Lax")).toBe(true);
  for (const path of ["/icon.svg", "/nothing-here.png", "/_next/static/nothing.js", "/api/v1/health", "/api/v1/nothing"]) {
    const headers = (await request.get(path)).headers();
    expect(headers["content-security-policy"], path).toContain("default-src 'none'");
    expect(headers["content-security-policy"], path).not.toContain("script-src");
    expect(headers, path).toMatchObject({ "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "strict-origin-when-cross-origin" });
  }
  expect((await request.get("/sign-in", { headers: { "x-forwarded-proto": "https" } })).headers()["strict-transport-security"]).toContain("max-age=");
  expect((await request.get("/sign-in")).headers()["strict-transport-security"]).toBeUndefined();
});

test("a server action takes no call from another site, nor one that hides where it comes from", async ({ page, stack, request }) => {
  await page.goto("/sign-in");
  const post = (headers: Record<string, string>) => request.post("/sign-in", { headers: { "Next-Action": "0".repeat(42), "Content-Type": "text/plain", ...headers }, data: "[]" });
  for (const headers of [{}, { Origin: "https://elsewhere.example" }, { Origin: "null" }, { "Sec-Fetch-Site": "cross-site" }, { "Sec-Fetch-Site": "same-site" }, { Origin: `${stack.app_url}.elsewhere.example` }] as Record<string, string>[]) {
    expect((await post(headers)).status(), JSON.stringify(headers)).toBe(403);
  }
  expect((await post({ Origin: stack.app_url })).status()).not.toBe(403);
});
