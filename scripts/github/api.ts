/**
 * The few calls of GitHub's REST API that this repository makes. Only built-in modules, and no syntax that Node cannot strip: a workflow runs these files with `node`,
 * where nothing is installed.
 */
export interface GitHub {
  /** `https://api.github.com`, unless a test says otherwise. */
  url: string;
  token: string;
}

export class GitHubError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** From GITHUB_TOKEN (or GH_TOKEN) and GITHUB_API_URL; null without a token. */
export function gitHubOf(env: Record<string, string | undefined>): GitHub | null {
  const token = env["GITHUB_TOKEN"] || env["GH_TOKEN"];
  return token === undefined ? null : { url: (env["GITHUB_API_URL"] || "https://api.github.com").replace(/\/+$/, ""), token };
}

/** One call; answers its JSON. Throws GitHubError with GitHub's own message, never with the token. */
export async function callGitHub(api: GitHub, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: {
      accept: "application/vnd.github+json", authorization: `Bearer ${api.token}`, "user-agent": "lakehouse-control-room", "x-github-api-version": "2022-11-28",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) {
    let said = text.slice(0, 300);
    try {
      said = (JSON.parse(text) as { message?: string }).message ?? said;
    } catch {
      // not JSON: what it said stands as it is
    }
    throw new GitHubError(response.status, `GitHub answered ${response.status} to ${method} ${path}: ${said}`);
  }
  return text === "" ? null : JSON.parse(text);
}

/** `owner/name`, or null. */
export function isRepository(text: string | undefined): text is string {
  return text !== undefined && /^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/[A-Za-z0-9._-]{1,100}$/.test(text);
}
