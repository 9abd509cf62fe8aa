/** What a spreadsheet would take for a formula begins with one of these. https://owasp.org/www-community/attacks/CSV_Injection */
const formula = /^[=+\-@\t\r]/;

/** One line of CSV (RFC 4180): a cell that a spreadsheet would compute gets an apostrophe before it, and stays text. */
export function csvLine(cells: readonly (string | null)[]): string {
  return `${cells.map((cell) => {
    const text = cell === null ? "" : formula.test(cell) ? `'${cell}` : cell;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }).join(",")}\r\n`;
}
