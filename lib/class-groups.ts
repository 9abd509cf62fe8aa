/*
 * Which Tailwind classes set the same property, for lib/cn.ts. tailwind-merge knows all of Tailwind, in 6 kB that every page would load before it
 * can be used; this is what the pages name. A test holds it against the whole: a class that is missing here fails it, by its name.
 */
const any = () => true;
const width = (value: string) => /^(\d+|px)$/.test(value);
/** One group of that name for each prefix, whatever follows it. */
const prefixes = (...names: string[]) => Object.fromEntries(names.map((name) => [name, [{ [name]: [any] }]]));

export const classGroups = {
  ...prefixes(
    "accent", "align", "animate", "basis", "bg", "bottom", "cursor", "duration", "end", "field-sizing", "fill", "gap", "gap-x", "gap-y", "grid-cols", "grid-rows", "h", "inset", "inset-x", "inset-y",
    "items", "justify", "justify-items", "justify-self", "leading", "left", "right", "line-clamp", "m", "mx", "my", "ms", "me", "mt", "mb", "max-h", "max-w", "min-h", "min-w", "opacity", "order",
    "p", "px", "py", "ps", "pe", "pt", "pb", "place-content", "place-items", "pointer-events", "rotate", "rounded", "rounded-s", "rounded-e", "rounded-t", "rounded-b", "scroll-p", "scroll-px", "scroll-py",
    "select", "self", "shadow", "size", "start", "top", "touch", "tracking", "translate-x", "translate-y", "underline-offset", "w", "whitespace", "z", "outline-offset", "appearance",
  ),
  "divide-x": [{ "divide-x": ["", width] }],
  "divide-y": [{ "divide-y": ["", width] }],
  display: ["block", "inline-block", "inline", "flex", "inline-flex", "grid", "inline-grid", "table", "table-row", "table-cell", "contents", "hidden"],
  position: ["static", "fixed", "absolute", "relative", "sticky"],
  translate: ["translate-none"],
  border: [{ border: ["", width] }],
  "border-color": [{ border: [any] }],
  "border-style": [{ border: ["solid", "dashed", "dotted", "double", "hidden", "none"] }],
  "border-collapse": [{ border: ["collapse", "separate"] }],
  ...Object.fromEntries(["x", "y", "t", "b", "s", "e"].map((side) => [`border-${side}`, [{ [`border-${side}`]: ["", width] }]])),
  break: [{ break: ["normal", "words", "all", "keep"] }],
  "col-span": [{ col: [{ span: [any] }] }],
  "col-start": [{ col: [{ start: [any] }] }],
  content: [{ content: ["normal", "center", "start", "end", "between", "around", "evenly", "stretch"] }],
  "decoration-style": [{ decoration: ["solid", "double", "dotted", "dashed", "wavy"] }],
  "decoration-color": [{ decoration: [any] }],
  filter: ["filter"],
  flex: [{ flex: [width, "auto", "none", "initial"] }],
  "flex-direction": [{ flex: ["row", "row-reverse", "col", "col-reverse"] }],
  "flex-wrap": [{ flex: ["wrap", "wrap-reverse", "nowrap"] }],
  shrink: [{ shrink: ["", width] }],
  grow: [{ grow: ["", width] }],
  "font-weight": [{ font: ["normal", "medium", "semibold", "bold"] }],
  "font-family": [{ font: ["sans", "mono"] }],
  "font-style": ["italic", "not-italic"],
  "font-variant": ["tabular-nums"],
  list: [{ list: ["disc", "decimal", "none"] }],
  outline: [{ outline: ["", width] }],
  "outline-style": [{ outline: ["none", "hidden"] }],
  "outline-color": [{ outline: [any] }],
  overflow: [{ overflow: ["auto", "hidden", "clip", "visible", "scroll"] }],
  "overflow-x": [{ "overflow-x": ["auto", "hidden", "clip", "visible", "scroll"] }],
  "overflow-y": [{ "overflow-y": ["auto", "hidden", "clip", "visible", "scroll"] }],
  resize: [{ resize: ["", "none", "x", "y"] }],
  ring: [{ ring: ["", width] }],
  "ring-color": [{ ring: [any] }],
  "screen-reader": ["sr-only", "not-sr-only"],
  "text-size": [{ text: ["2xs", "xs", "sm", "base", "lg", "xl", "2xl"] }],
  "text-align": [{ text: ["start", "center", "end", "left", "right", "justify"] }],
  "text-wrap": [{ text: ["wrap", "nowrap", "balance", "pretty"] }],
  "text-color": [{ text: [any] }],
  "text-overflow": ["truncate", "text-ellipsis", "text-clip"],
  "text-decoration": ["underline", "overline", "line-through", "no-underline"],
  "text-transform": ["uppercase", "lowercase", "capitalize", "normal-case"],
  transition: [{ transition: ["", "all", "colors", "opacity", "shadow", "transform", "none"] }],
};

const inset = ["inset-x", "inset-y", "start", "end", "top", "right", "bottom", "left"];
/** What a class of a group takes the place of, beside those of its own. */
export const conflictingClassGroups = {
  border: ["border-x", "border-y", "border-t", "border-b", "border-s", "border-e"], "border-x": ["border-s", "border-e"], "border-y": ["border-t", "border-b"],
  flex: ["basis", "grow", "shrink"],
  gap: ["gap-x", "gap-y"],
  inset, "inset-x": ["start", "end", "left", "right"], "inset-y": ["top", "bottom"],
  "line-clamp": ["display", "overflow"],
  m: ["mx", "my", "ms", "me", "mt", "mb"], mx: ["ms", "me"], my: ["mt", "mb"],
  overflow: ["overflow-x", "overflow-y"],
  p: ["px", "py", "ps", "pe", "pt", "pb"], px: ["ps", "pe"], py: ["pt", "pb"],
  rounded: ["rounded-s", "rounded-e", "rounded-t", "rounded-b"],
  "scroll-p": ["scroll-px", "scroll-py"],
  size: ["w", "h"],
  "text-size": ["leading"],
  translate: ["translate-x", "translate-y"],
};
