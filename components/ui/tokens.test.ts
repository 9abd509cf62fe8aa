import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const css = readFileSync(new URL("../../app/globals.css", import.meta.url), "utf8");

type Colour = { l: number; c: number; h: number };

function tokensOf(selector: string): Map<string, Colour> {
  const block = new RegExp(`^${selector.replace(".", "\\.")} \\{([^}]*)\\}`, "m").exec(css)?.[1];
  if (block === undefined) throw new Error(`globals.css has no block ${selector}`);
  const tokens = new Map<string, Colour>();
  for (const [, name, l, c, h] of block.matchAll(/--([a-z-]+): oklch\(([\d.]+) ([\d.]+) ([\d.]+)\);/g)) {
    tokens.set(name!, { l: Number(l), c: Number(c), h: Number(h) });
  }
  return tokens;
}

/** OKLCH → linear sRGB, after Björn Ottosson's "A perceptual color space for image processing". */
function linearSrgb({ l, c, h }: Colour): [number, number, number] {
  const a = c * Math.cos((h * Math.PI) / 180);
  const b = c * Math.sin((h * Math.PI) / 180);
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ];
}

/** WCAG 2.2 contrast ratio, 1 to 21. */
function contrast(one: Colour, other: Colour): number {
  const [x, y] = [one, other].map((colour) => {
    const [r, g, b] = linearSrgb(colour).map((channel) => Math.min(1, Math.max(0, channel)));
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! + 0.05;
  });
  return Math.max(x!, y!) / Math.min(x!, y!);
}

const states = ["queued", "claimed", "running", "succeeded", "failed", "canceled", "reused", "warning", "bronze", "silver", "gold"];
const pairs: [text: string, ground: string, least: number][] = [
  ...["background", "card", "popover", "muted", "accent", "sidebar", "secondary"].flatMap((ground): [string, string, number][] => [
    ["foreground", ground, 7],
    ["muted-foreground", ground, 4.5],
    ["link", ground, 4.5],
  ]),
  ["accent-foreground", "accent", 4.5],
  ["secondary-foreground", "secondary", 4.5],
  ["primary-foreground", "primary", 4.5],
  ["primary-foreground", "primary-hover", 4.5],
  ["destructive-foreground", "destructive", 4.5],
  ["destructive-foreground", "destructive-hover", 4.5],
  ["tooltip-foreground", "tooltip", 4.5],
  ["input", "background", 3],
  ["ring", "background", 3],
  ["ring", "sidebar", 3],
  ...states.flatMap((state): [string, string, number][] => [
    [state, "background", 4.5],
    [state, "muted", 4.5],
    [state, "accent", 4.5],
    [state, `${state}-soft`, 4.5],
    ["foreground", `${state}-soft`, 7],
    ["muted-foreground", `${state}-soft`, 4.5],
  ]),
];

describe.each([["light", ":root"], ["dark", ".dark"]])("%s theme", (_, selector) => {
  const tokens = tokensOf(selector);

  test.each(pairs)("%s is readable on %s", (text, ground, least) => {
    const [ink, paper] = [tokens.get(text), tokens.get(ground)];
    if (!ink || !paper) throw new Error(`a token is missing: ${text} or ${ground}`);
    expect(contrast(ink, paper)).toBeGreaterThanOrEqual(least);
  });

  test("every colour exists in sRGB, so that no screen shows another one", () => {
    const outside = [...tokens].filter(([, colour]) => linearSrgb(colour).some((channel) => channel < -0.002 || channel > 1.002));
    expect(outside.map(([name]) => name)).toEqual([]);
  });
});

test("both themes define the same tokens", () => {
  expect([...tokensOf(".dark").keys()].sort()).toEqual([...tokensOf(":root").keys()].sort());
});
