/** The header by which the page's nonce reaches the root layout; proxy.ts overwrites whatever a browser sends in it. */
export const nonceHeader = "x-nonce";

/**
 * Style elements that libraries add without a nonce, by the SHA-256 of their text: sonner's sheet (and the empty element that
 * it begins as), and the rules that hide the scroll bars of Radix's scroll area and select. A test holds them against the packages.
 */
export const libraryStyles = [
  "sha256-StEaX+se6YS7pqjzrzMIA0KaX9zF/8zAhvQXZAe5epY=",
  "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
  "sha256-vGQdhYJbTuF+M8iCn1IZCHpdkiICocWHDq4qnQF4Rjw=",
  "sha256-441zG27rExd4/il+NvIqyL8zFx5XmyNQtE381kSkUJk=",
] as const;

/**
 * A page's Content-Security-Policy. Only scripts that carry the page's nonce run, and what those load themselves: not even a
 * script of our own origin, where somebody's upload could be one. See docs/decisions/0006-page-policy.md.
 */
export function pagePolicy(nonce: string, development: boolean): string {
  return [
    "default-src 'self'",
    // React's development build uses eval.
    `script-src 'nonce-${nonce}' 'strict-dynamic'${development ? " 'unsafe-eval'" : ""}`,
    "script-src-attr 'none'",
    `style-src-elem 'self' 'nonce-${nonce}' ${libraryStyles.map((hash) => `'${hash}'`).join(" ")}`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "object-src 'none'",
    "frame-src 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join("; ");
}
