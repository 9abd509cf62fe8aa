import { createElement, Fragment, type ReactNode } from "react";
import { language, locale } from "./language.ts";
import { accented } from "./pseudo.ts";

type Message = string | ((...values: never[]) => ReactNode);
type Messages = { readonly [name: string]: Message | Messages };

/**
 * The texts of one area of the interface. A text without a gap is a string, one with gaps a function of what fills them, never joined from
 * pieces, so that another language can order its words. Another language is another object of the same type, chosen here.
 */
export function catalogue<T extends Messages>(english: T): T {
  return language === "en-XA" ? (pseudo(english) as T) : english;
}

/** A text with elements in it: rich`Published ${time} by ${run}`. */
export function rich(texts: TemplateStringsArray, ...nodes: ReactNode[]): ReactNode {
  const said = language === "en-XA" ? texts.map((text) => accented(text)) : texts;
  return createElement(Fragment, null, ...said.flatMap((text, at) => [text, nodes[at]]));
}

type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
const rules = new Intl.PluralRules(locale);

/** The form that belongs to a count. */
export function plural(count: number, forms: Forms): string {
  return forms[rules.select(count)] ?? forms.other;
}

function pseudo(message: Message | Messages): Message | Messages {
  if (typeof message === "string") return accented(message);
  if (typeof message !== "function") return Object.fromEntries(Object.entries(message).map(([name, inner]) => [name, pseudo(inner)]));
  return (...values: never[]) => {
    const said = message(...values);
    return typeof said === "string" ? accented(said, values) : said;
  };
}
