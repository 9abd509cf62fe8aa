/** The checked way out (outbound.ts) does not go there. The message may be shown: it holds neither the URL nor an address. */
export class Refused extends Error {}
