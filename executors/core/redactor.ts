/** Shorter texts stand by chance everywhere; taking them out would spoil the rest. */
const leastLength = 4;
/** What stands where a value is not shown. */
export const mask = "***";
/** Levels of a JSON value. */
const deepest = 200;
/** Begins with a literal and is bounded, so that a long text costs its length and not its square. */
const passwordInUrl = /(:\/\/[^\s:/@]{0,256}):[^\s@/]{1,1024}@/g;

/** Takes secrets out of whatever leaves the executor. What it is told of later is taken out from then on. */
export interface Redactor {
  add(secret: string): void;
  text(text: string): string;
  /** The secrets that it was told of and nothing else: for rows of data, which may hold other people's URLs. */
  known(text: string): string;
  /** Every text in a JSON value, keys too. */
  value<T>(value: T): T;
  /** Bytes of a text file, in pieces of any size: a secret across a border is found too. */
  stream(): TransformStream<Uint8Array, Uint8Array>;
  bytes(content: Uint8Array): Uint8Array;
}

/** `secrets` may be URLs with a password in them. */
export function redactor(secrets: Iterable<string> = []): Redactor {
  const known = new Set<string>();
  let texts: RegExp | null = null;
  /** The same over bytes, read as latin1: one character a byte. */
  let binary: { pattern: RegExp; longest: number } | null = null;

  const self: Redactor = {
    add(secret) {
      const before = known.size;
      for (const form of formsOf(secret)) known.add(form);
      if (known.size === before) return;
      const longestFirst = [...known].sort((a, b) => b.length - a.length);
      const latin1 = longestFirst.map(utf8AsLatin1);
      texts = anyOf(longestFirst);
      binary = { pattern: anyOf(latin1), longest: Math.max(...latin1.map((form) => form.length)) };
    },
    known: (text) => (texts === null ? text : text.replace(texts, mask)),
    text: (text) => self.known(text).replace(passwordInUrl, `$1:${mask}@`),
    value: <T>(value: T): T => redactValue(value, self.text, 0) as T,
    bytes: (content) => (binary === null ? content : fromLatin1(asLatin1(content).replace(binary.pattern, mask))),
    stream() {
      const found = binary;
      if (found === null) return new TransformStream();
      let rest = "";
      return new TransformStream({
        transform(chunk, controller) {
          const { done, left } = redactUpTo(rest + asLatin1(chunk), found);
          rest = left;
          if (done !== "") controller.enqueue(fromLatin1(done));
        },
        flush(controller) {
          if (rest !== "") controller.enqueue(fromLatin1(rest.replace(found.pattern, mask)));
        },
      });
    },
  };
  for (const secret of secrets) self.add(secret);
  return self;
}

/** Redacts what more text cannot change any more: a match may still grow where fewer than `longest` characters follow its start. */
function redactUpTo(text: string, { pattern, longest }: { pattern: RegExp; longest: number }): { done: string; left: string } {
  let done = "";
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > text.length - longest) break;
    done += text.slice(at, match.index) + mask;
    at = match.index + match[0].length;
  }
  const safe = Math.max(at, text.length - longest + 1);
  return { done: done + text.slice(at, safe), left: text.slice(safe) };
}

function redactValue(value: unknown, redact: (text: string) => string, depth: number): unknown {
  if (typeof value === "string") return redact(value);
  if (value === null || typeof value !== "object") return value;
  // The control room takes nothing that deep; what is not looked at does not leave.
  if (depth > deepest) return mask;
  if (Array.isArray(value)) return value.map((item) => redactValue(item, redact, depth + 1));
  if (value instanceof Date) return value;
  if (value instanceof Error) return redact(value.message);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [redact(key), redactValue(item, redact, depth + 1)]));
}

/** A secret as it may be printed: as it is, the password of a URL, each line of several, and each of these encoded. */
function formsOf(secret: string): Set<string> {
  const plain = new Set([secret, ...secret.split(/\r?\n/).filter((line) => line.trim().length >= 8)]);
  if (URL.canParse(secret)) {
    const { password } = new URL(secret);
    for (const part of [password, decoded(password)]) plain.add(part);
  }
  const forms = new Set<string>();
  for (const text of plain) if (text.length >= leastLength) for (const form of encodings(text)) if (form.length >= leastLength) forms.add(form);
  return forms;
}

function* encodings(text: string): Generator<string> {
  const json = JSON.stringify(text).slice(1, -1);
  const percent = encodeURIComponent(text.toWellFormed());
  const strict = percent.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  yield text;
  yield json;
  yield json.replaceAll("/", "\\/");
  yield json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  yield text.replaceAll("'", "''");
  for (const encoded of [percent, strict, strict.replaceAll("%20", "+"), encodeURI(text.toWellFormed())]) {
    yield encoded;
    yield encoded.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase());
  }
  const bytes = new TextEncoder().encode(text);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  yield hex;
  yield hex.toUpperCase();
  yield* base64Forms(bytes);
}

/** Inside a longer base64 text a secret looks in three ways, by where it begins; the characters shared with its neighbours are left out. */
function* base64Forms(bytes: Uint8Array): Generator<string> {
  for (const offset of [0, 1, 2]) {
    const padded = new Uint8Array(offset + bytes.length);
    padded.set(bytes, offset);
    const first = Math.ceil((offset * 8) / 6);
    const last = Math.floor((padded.length * 8) / 6);
    const form = btoa(String.fromCharCode(...padded)).slice(first, last);
    if (form.length < 8) continue;
    yield form;
    yield form.replaceAll("+", "-").replaceAll("/", "_");
  }
}

function anyOf(forms: string[]): RegExp {
  return new RegExp(forms.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
}
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
/** One character a byte. Not TextDecoder: the web's "latin1" is windows-1252, which moves some bytes elsewhere. */
function asLatin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
function fromLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, (unit) => unit.charCodeAt(0));
}
function utf8AsLatin1(text: string): string {
  return asLatin1(new TextEncoder().encode(text));
}
