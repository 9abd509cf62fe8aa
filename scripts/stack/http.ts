import { asRecord } from './json-file.ts';
import { messageOf, StackError } from './stack-error.ts';

/** Whether a host name, as it stands in a URL or in HOST, is this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || /^\[?::1\]?$/.test(host) || /^127(\.\d{1,3}){3}$/.test(host);
}

export type Answer = { status: number; body: Record<string, unknown> };

/** One JSON request with a time limit. Rejects only where no answer came; every status is an answer. */
export async function requestJson(
  method: string,
  url: string,
  options: { headers?: Record<string, string>; body?: unknown; timeout_ms?: number } = {},
): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    headers: { ...(options.body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    signal: AbortSignal.timeout(options.timeout_ms ?? 10_000),
  });
  const text = await answer.text();
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    body = { text: text.slice(0, 300) }; // an error page: shown as it is
  }
  return { status: answer.status, body: asRecord(body) ?? { value: body } };
}

/** What an error answer says, in one line: problem+json of the API, or PostgREST's or GoTrue's form. */
export function saidIn(answer: Answer): string {
  const { body } = answer;
  const texts = [body.code ?? body.error_code, body.detail ?? body.message ?? body.msg ?? body.title ?? body.text];
  return `HTTP ${answer.status} ${texts.filter((text) => typeof text === 'string').join(': ')}`.trim();
}

/** A client of this install's own API. Throws StackError `api_refused` on any other status than those expected. */
export function apiClient(api_url: string, token: string) {
  return async (method: string, path: string, options: { body?: unknown; headers?: Record<string, string>; expect?: number[] } = {}) => {
    let answer: Answer;
    try {
      answer = await requestJson(method, `${api_url}${path}`, {
        body: options.body,
        headers: { authorization: `Bearer ${token}`, ...options.headers },
        timeout_ms: 30_000,
      });
    } catch (error) {
      throw new StackError('api_unreachable', `${method} ${path} got no answer: ${messageOf(error)}`, 'Read logs/web.log in the data folder.', error);
    }
    if (!(options.expect ?? [200, 201]).includes(answer.status)) {
      throw new StackError('api_refused', `${method} ${path} was refused: ${saidIn(answer)}`, 'Read logs/web.log in the data folder.');
    }
    return answer.body;
  };
}
