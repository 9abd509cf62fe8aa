import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { FileTable, Pages } from "../../../contracts/pipeline-files.ts";
import { CodedError } from "../../storage/coded-error.ts";
import { storageFault } from "../../storage/file-storage.ts";
import type { FetchedFile } from "./fetch-file.ts";
import { rawAt, recordSplitter, type JsonRecord } from "./json-records.ts";
import { getHttp, urlBelow, type HttpSource } from "./offer-http.ts";

/** Of one answer, which is held in memory. */
const MOST_OF_PAGE = 64 << 20;

/**
 * All pages of an answer as one NDJSON file, in the order in which they came. A page that is asked for twice by what the source says
 * ends the phase: it would go on for ever. Null where nothing is there.
 */
export async function fetchPages(source: HttpSource, table: Pick<FileTable, "path" | "records"> & { pages: Pages }, to: string, onRead: (bytes: number) => void): Promise<FetchedFile | null> {
  const { pages } = table;
  const name = table.path.split("?")[0]!;
  const file = createWriteStream(to);
  const ended = finished(file);
  ended.catch(() => undefined);
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    const asked = new Set<string>();
    let url: string | null = firstUrl(source, table.path, pages);
    for (let page = 0; url !== null; page += 1) {
      if (asked.has(url)) throw endless(name, "names a page as its next one that has been read already");
      if (page >= pages.max_pages) throw endless(name, `has more than ${pages.max_pages} pages (pages.max_pages)`);
      asked.add(url);
      const answer = await getHttp(source, url, name);
      if (answer === null && page === 0) return null;
      if (answer === null) throw new CodedError({ code: "source_failed", message: `Page ${page + 1} is not there`, place: name, remedy: "Ask the source's operator: an earlier page named it." });
      const text = await pageText(answer.body, name);
      onRead(Buffer.byteLength(text));
      const records = recordsOf(text, table.records, name);
      for (const { text: record } of records) {
        // Line ends inside a record stand between its members: inside of a text JSON writes them as \n.
        const line = `${record.replace(/[\r\n]+/g, " ")}\n`;
        hash.update(line);
        bytes += Buffer.byteLength(line);
        if (!file.write(line)) await Promise.race([once(file, "drain"), ended]);
      }
      url = nextUrl(source, url, pages, { text, link: answer.headers["link"], count: records.length, name });
    }
    file.end();
    await ended;
  } catch (error) {
    throw storageFault(error, name);
  } finally {
    file.destroy();
  }
  const sha256 = hash.digest("hex");
  return { name, file: to, identity: `sha256 ${sha256}`, sha256, bytes };
}

async function pageText(body: AsyncIterable<Buffer>, name: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > MOST_OF_PAGE) throw new CodedError({ code: "source_failed", message: `A page has more than ${MOST_OF_PAGE >> 20} MiB`, place: name, remedy: "Ask for smaller pages (pages.size)." });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The rows of a document. */
export function recordsOf(text: string, place: string | undefined, name: string): JsonRecord[] {
  const list = place === undefined ? text : rawAt(text, place, name);
  if (list === null) throw new CodedError({ code: "source_rows_invalid", message: `The answer has nothing at ${place}`, place: name, remedy: "Correct `records` of the table." });
  if (list === "null") return [];
  const splitter = recordSplitter(name);
  const records = splitter.push(list);
  splitter.end();
  return records;
}

function firstUrl(source: HttpSource, path: string, pages: Pages): string {
  const url = urlBelow(source.url, path);
  switch (pages.by) {
    case "page": return withQuery(url, { [pages.parameter]: String(pages.first), ...(pages.size_parameter === undefined || pages.size === undefined ? {} : { [pages.size_parameter]: String(pages.size) }) });
    case "offset": return withQuery(url, { [pages.parameter]: "0", [pages.size_parameter]: String(pages.size) });
    default: return url;
  }
}

interface Page { text: string; link: string | string[] | undefined; count: number; name: string }
function nextUrl(source: HttpSource, url: string, pages: Pages, { text, link, count, name }: Page): string | null {
  const number = (parameter: string): number => Number(new URL(url).searchParams.get(parameter));
  switch (pages.by) {
    case "page": return count === 0 || count < (pages.size ?? 0) ? null : withQuery(url, { [pages.parameter]: String(number(pages.parameter) + 1) });
    // Servers may give fewer rows than asked for: only an empty page is the end.
    case "offset": return count === 0 ? null : withQuery(url, { [pages.parameter]: String(number(pages.parameter) + count) });
    case "cursor": {
      const cursor = scalarAt(text, pages.next, name);
      return cursor === null ? null : withQuery(url, { [pages.parameter]: cursor });
    }
    case "link": {
      const next = pages.next === undefined ? linkNext([link ?? []].flat().join(", ")) : scalarAt(text, pages.next, name);
      return next === null ? null : sameSite(source, url, next, name);
    }
  }
}

function withQuery(url: string, query: Record<string, string>): string {
  const made = new URL(url);
  for (const [name, value] of Object.entries(query)) made.searchParams.set(name, value);
  return made.href;
}

/** Null: the document has nothing there, null, false or an empty text. */
function scalarAt(document: string, place: string, name: string): string | null {
  const raw = rawAt(document, place, name);
  if (raw === null || raw === "null" || raw === '""' || raw === "false") return null;
  return raw.startsWith('"') ? (JSON.parse(raw) as string) : raw;
}

/** The target of `rel="next"` (RFC 8288). */
function linkNext(header: string): string | null {
  for (const [, target = "", parameters = ""] of header.matchAll(/<([^>]*)>([^<]*)/g)) {
    if (/;\s*rel\s*=\s*(?:"[^"]*\bnext\b[^"]*"|next\b)/i.test(parameters)) return target;
  }
  return null;
}

/** The secret goes to the connection's own host alone, whatever an answer says. */
function sameSite(source: HttpSource, url: string, next: string, name: string): string {
  const target = URL.canParse(next, url) ? new URL(next, url) : null;
  if (target !== null && target.origin === new URL(source.url).origin && target.username === "" && target.password === "") return target.href;
  throw new CodedError({ code: "source_path_refused", message: "The next page is on another host", place: name, remedy: "Make a connection to that host, or page by number or cursor." });
}

function endless(place: string, what: string): CodedError {
  return new CodedError({ code: "source_failed", message: `The answer ${what}`, place, remedy: "Correct `pages` of the table." });
}

