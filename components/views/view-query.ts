/** What says where one is in a list, not what is in it. */
const places = new Set(["page", "cursor", "view"]);

/** An address's query as a view keeps it: sorted, without the page. Two addresses that show the same list have the same. */
export function viewQuery(query: string): string {
  const kept = [...new URLSearchParams(query)].filter(([name, value]) => !places.has(name) && value !== "");
  return new URLSearchParams(kept.toSorted(([a, b], [c, d]) => (a === c ? (b < d ? -1 : 1) : a < c ? -1 : 1))).toString();
}

/** The address of a list with this view; without one, of the whole list, whatever the person's default is. */
export function viewAddress(list: string, query: string | null): string {
  return query === null || query === "" ? `/${list}?view=all` : `/${list}?${query}`;
}
