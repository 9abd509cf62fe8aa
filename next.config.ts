import type { NextConfig } from "next";

// proxy.ts gives every page its own policy with a nonce (lib/page-policy.ts). This one is for whatever it does not see.
const strictPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const workerPolicy = "default-src 'none'; script-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

// An artifact opened straight from the API is bytes somebody uploaded: it may show, but never run anything.
const apiPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox";

const everywhere = [
  { key: "X-Content-Type-Options", value: "nosniff" },
  { key: "X-Frame-Options", value: "DENY" },
  { key: "Referrer-Policy", value: "strict-origin-when-cross-origin" },
  { key: "Cross-Origin-Opener-Policy", value: "same-origin" },
  { key: "Cross-Origin-Resource-Policy", value: "same-origin" },
  {
    key: "Permissions-Policy",
    value: "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
  },
];

// Whoever ends TLS in front of us says so; over plain http the header must not be sent (RFC 6797, 7.2).
const overTls: NonNullable<Awaited<ReturnType<NonNullable<NextConfig["headers"]>>>[number]["has"]> = [{ type: "header", key: "x-forwarded-proto", value: "https" }];

const config: NextConfig = {
  agentRules: false,
  // Everything here listens on 127.0.0.1; `next dev` otherwise serves its own scripts to "localhost" only.
  allowedDevOrigins: ["127.0.0.1"],
  devIndicators: false,
  experimental: { agentUpgrade: false },
  headers: () => [
    { source: "/:path*", headers: everywhere },
    { source: "/:path*", has: overTls, headers: [{ key: "Strict-Transport-Security", value: "max-age=31536000" }] },
    { source: "/((?!api/).*)", headers: [{ key: "Content-Security-Policy", value: strictPolicy }] },
    // A worker lives under the policy of its own script, which loads the rest of its bundle.
    { source: "/_next/static/chunks/:path*", headers: [{ key: "Content-Security-Policy", value: workerPolicy }] },
    { source: "/api/:path*", headers: [{ key: "Content-Security-Policy", value: apiPolicy }] },
  ],
  // Run as a process of its own (lib/ops/parquet-sandbox.ts), which no build sees.
  outputFileTracingIncludes: { "/api/v1/artifacts/*/preview": ["./lib/ops/parquet-*.mjs", "./node_modules/hyparquet/**/*"] },
  output: process.env.NEXT_OUTPUT === "standalone" ? "standalone" : undefined,
  poweredByHeader: false,
  reactStrictMode: true,
  serverExternalPackages: ["pg", "pino", "ws"],
  // `npm run check` checks types; a person who starts the product should not wait for it.
  typescript: { ignoreBuildErrors: true },
  // Named, because Next otherwise guesses from lock files above the checkout.
  turbopack: { root: import.meta.dirname },
};

export default config;
