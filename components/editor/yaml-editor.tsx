"use client";

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { unifiedMergeView } from "@codemirror/merge";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useEffectEvent, useRef } from "react";
import type { ErrorPlace } from "@/contracts/error";

export type YamlEditorProps = {
  label: string;
  /** What the editor begins with; a later value replaces the text only where it differs from what is there. */
  value: string;
  onChange?: (text: string) => void;
  /** Marked in the gutter and under the text, by line and column. */
  problems?: readonly ErrorPlace[];
  /** Shows what differs from this text, line by line. */
  original?: string;
  readOnly?: boolean;
  /** A line to show and to put the cursor on, 1-based; a new object goes there again. */
  goTo?: { line: number } | null;
};

// The colours are the room's own tokens, so that both themes hold without a second sheet.
const theme = EditorView.theme({
  "&": { fontSize: "12px", backgroundColor: "var(--background)", color: "var(--foreground)", maxHeight: "70vh" },
  ".cm-content, .cm-gutter": { minHeight: "16rem" },
  "&.cm-focused": { outline: "2px solid var(--ring)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--font-geist-mono), monospace", lineHeight: "20px", overflow: "auto" },
  ".cm-gutters": { backgroundColor: "var(--muted)", color: "var(--muted-foreground)", borderRight: "1px solid var(--border)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in oklab, var(--accent) 45%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--foreground)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in oklab, var(--ring) 30%, transparent) !important" },
  ".cm-panels": { backgroundColor: "var(--muted)", color: "var(--foreground)" },
  ".cm-panels input, .cm-panels button": { font: "inherit" },
  ".cm-tooltip": { backgroundColor: "var(--popover)", color: "var(--popover-foreground)", border: "1px solid var(--border)", borderRadius: "6px" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--failed)" },
  ".cm-changedLine, &.cm-merge-b .cm-changedLine": { backgroundColor: "var(--succeeded-soft)" },
  ".cm-deletedChunk": { backgroundColor: "var(--failed-soft)", paddingInline: "6px" },
  "&.cm-merge-b .cm-changedText, .cm-changedText": { background: "color-mix(in oklab, var(--succeeded) 25%, transparent)" },
  ".cm-deletedChunk .cm-deletedText": { background: "color-mix(in oklab, var(--failed) 25%, transparent)" },
  ".cm-collapsedLines": { background: "var(--muted)", color: "var(--muted-foreground)" },
});
const highlight = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--link)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--foreground)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warning)" },
  { tag: tags.comment, color: "var(--muted-foreground)" },
  { tag: [tags.punctuation, tags.separator, tags.meta], color: "var(--muted-foreground)" },
]);

/** A CodeMirror for YAML. Tab moves on, as everywhere on a page: nobody is caught in it. */
export function YamlEditor({ label, value, onChange, problems = [], original, readOnly = false, goTo = null }: YamlEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const changes = useRef(new Compartment());
  const changed = useEffectEvent((text: string) => onChange?.(text));
  const begin = useEffectEvent(() => {
    const extensions: Extension[] = [
      lineNumbers(), history(), drawSelection(), bracketMatching(), highlightActiveLine(), highlightSelectionMatches(), search({ top: true }), lintGutter(), yaml(), indentUnit.of("  "),
      syntaxHighlighting(highlight), theme, EditorView.lineWrapping,
      keymap.of([...defaultKeymap.filter((binding) => binding.key !== "Mod-Enter"), ...historyKeymap, ...searchKeymap, ...lintKeymap]),
      EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
      EditorState.readOnly.of(readOnly),
      EditorView.updateListener.of((update) => { if (update.docChanged) changed(update.state.doc.toString()); }),
      changes.current.of(mergeOf(original)),
    ];
    const nonce = (window as { __webpack_nonce__?: string }).__webpack_nonce__;
    if (nonce !== undefined) extensions.push(EditorView.cspNonce.of(nonce));
    return new EditorView({ state: EditorState.create({ doc: value, extensions }), parent: host.current ?? undefined });
  });

  useEffect(() => {
    const made = begin();
    view.current = made;
    return () => made.destroy();
  }, []);
  useEffect(() => {
    const present = view.current?.state.doc.toString();
    if (present !== undefined && present !== value) view.current?.dispatch({ changes: { from: 0, to: present.length, insert: value } });
  }, [value]);
  useEffect(() => view.current?.dispatch({ effects: changes.current.reconfigure(mergeOf(original)) }), [original]);
  useEffect(() => {
    const state = view.current?.state;
    if (state) view.current?.dispatch(setDiagnostics(state, problems.map((problem) => diagnosticOf(state, problem))));
  }, [problems]);
  useEffect(() => {
    const shown = view.current;
    if (goTo === null || shown === null) return;
    const at = shown.state.doc.line(Math.min(Math.max(goTo.line, 1), shown.state.doc.lines)).from;
    shown.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    shown.focus();
  }, [goTo]);
  return <div ref={host} className="overflow-hidden rounded-md border" />;
}

function mergeOf(original: string | undefined): Extension {
  return original === undefined ? [] : unifiedMergeView({ original, mergeControls: false, collapseUnchanged: { margin: 3, minSize: 6 } });
}

function diagnosticOf(state: EditorState, { line = 1, column = 1, message }: ErrorPlace): Diagnostic {
  const at = state.doc.line(Math.min(Math.max(line, 1), state.doc.lines));
  const from = Math.min(at.from + column - 1, at.to);
  return { from, to: Math.max(from, at.to), severity: "error", message };
}
