/** A number as it was typed; what is none stays text, for the contract to refuse it by name. */
export const numberOf = (text: string): number | string => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text));
