/** A path in which `*` and `?` stand for characters but `/`, and `**` for any. */
export interface FilePattern {
  /** What every match begins with, up to a slash or the end. */
  prefix: string;
  /** Whether it stands for one path alone. */
  literal: boolean;
  matches(path: string): boolean;
}

export function filePattern(path: string): FilePattern {
  const wild = /[*?]/.exec(path);
  if (wild === null) return { prefix: path, literal: true, matches: (other) => other === path };
  const parts = path.split(/(\*\*\/|\*\*|\*|\?)/).map((part, index) => (index % 2 === 1 ? WILD[part]! : part.replace(/[\\^$.|+()[\]{}]/g, "\\$&")));
  const whole = new RegExp(`^${parts.join("")}$`, "su");
  return { prefix: path.slice(0, path.lastIndexOf("/", wild.index) + 1), literal: false, matches: (other) => whole.test(other) };
}

const WILD: Record<string, string> = { "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" };
