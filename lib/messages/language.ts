/** English, and its pseudo-locale: English in letters that no English text has, a third longer, which shows what is not in the catalogue and what does not fit. */
export const languages = ["en", "en-XA"] as const;
export type Language = (typeof languages)[number];

const spoken = (told: string | undefined): Language => languages.find((each) => each === told) ?? "en";

/** CONTROL_ROOM_LANGUAGE of this process; in a browser what the server wrote into `<html lang>`, so that both always say the same. */
export const language: Language = spoken(typeof document === "undefined" ? process.env.CONTROL_ROOM_LANGUAGE : document.documentElement.lang);

/** How dates, numbers, lists and plurals are written. */
export const locale = "en-GB";
