import { NextResponse, type NextRequest } from "next/server";
import { environmentCookie, environmentPathOf } from "@/components/common/environment-path.ts";
import { changesNothing, refuseOtherOrigins } from "@/lib/api/origin.ts";
import { nonceHeader, pagePolicy } from "@/lib/page-policy.ts";
import { cookiesAreSecure, createCookieClient } from "@/lib/supabase/client.ts";

const open = ["/sign-in", "/sign-up", "/forgot-password", "/auth/confirm", "/auth/mailed"];
const yearSeconds = 31_536_000;

/**
 * Gives a page its policy and nonce, refuses what another site sends, refreshes the session before the page renders and sends
 * strangers to the sign-in page. No boundary: RLS decides at every query who sees what, and /api/v1 authenticates by itself.
 */
export async function proxy(request: NextRequest): Promise<NextResponse> {
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64");
  const policy = pagePolicy(nonce, process.env.NODE_ENV === "development");
  const response = await answer(request, () => {
    // Next reads the nonce out of the request's policy, and puts it on every script and style of its own.
    const headers = new Headers(request.headers);
    headers.set(nonceHeader, nonce);
    headers.set("Content-Security-Policy", policy);
    return NextResponse.next({ request: { headers } });
  });
  response.headers.set("Content-Security-Policy", policy);
  return response;
}

async function answer(request: NextRequest, next: () => NextResponse): Promise<NextResponse> {
  // Server actions are POSTs to pages. Next lets those without an Origin pass; no browser of today leaves it out.
  if (!changesNothing(request)) {
    try {
      refuseOtherOrigins(request);
    } catch {
      return new NextResponse("The request comes from another site.", { status: 403, headers: { "Content-Type": "text/plain; charset=utf-8" } });
    }
  }
  let response = next();
  const db = createCookieClient({
    getAll: () => request.cookies.getAll(),
    setAll: (changed, headers) => {
      for (const { name, value } of changed) request.cookies.set(name, value);
      response = next();
      for (const { name, value, options } of changed) response.cookies.set(name, value, options);
      for (const [name, value] of Object.entries(headers ?? {})) response.headers.set(name, value);
    },
  });
  const { data, error } = await db.auth.getClaims();
  if (data !== null) {
    rememberEnvironment(request, response);
    return response;
  }
  if (open.includes(request.nextUrl.pathname)) return response;
  // The auth server is away: the page itself says so better than a sign-in form that cannot work.
  if (error?.name === "AuthRetryableFetchError") return response;

  const target = new URL("/sign-in", request.nextUrl);
  const wanted = request.nextUrl.pathname + request.nextUrl.search;
  if (wanted !== "/") target.searchParams.set("next", wanted);
  const redirect = NextResponse.redirect(target, 303);
  for (const cookie of response.cookies.getAll()) redirect.cookies.set(cookie);
  return redirect;
}

/** Keeps the environment of the page that is opened for addresses that name none. What a link fetches ahead is not opened. */
function rememberEnvironment(request: NextRequest, response: NextResponse): void {
  const opened = environmentPathOf(request.nextUrl.pathname);
  if (opened === null || request.headers.has("next-router-prefetch") || request.cookies.get(environmentCookie)?.value === opened) return;
  response.cookies.set(environmentCookie, opened, { httpOnly: true, sameSite: "lax", secure: cookiesAreSecure(), path: "/", maxAge: yearSeconds });
}

export const config = {
  // Files lie at the root only: below it `silver.txt` may be the name of a dataset, and its page takes server actions like others.
  matcher: ["/((?!api(?:/|$)|_next/|[^/]*\\.(?:ico|png|svg|webmanifest|txt|woff2)$).*)"],
};
