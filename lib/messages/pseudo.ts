const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const marked = "åƀçđéƒğĥîĵķļɱñöþɋŕšţûṽŵẋýžÅƁÇĐÉƑĞĤÎĴĶĻṀÑÖÞɊŔŠŢÛṼŴẊÝŽ";
const vowel = /[aeiou]/;

/** A text in marked letters, its small vowels doubled; what fills its gaps (`kept`) stays as it is. */
export function accented(text: string, kept: readonly unknown[] = []): string {
  const gaps = kept.map(String).filter((gap) => gap !== "" && text.includes(gap)).toSorted((a, b) => b.length - a.length);
  const [gap] = gaps;
  if (gap !== undefined) return text.split(gap).map((part) => accented(part, gaps.slice(1))).join(gap);
  return text.replace(/[a-zA-Z]/g, (letter) => marked.charAt(plain.indexOf(letter)).repeat(vowel.test(letter) ? 2 : 1));
}
