/** A door that lets nobody through until it is opened. */
export interface Door {
  /** How many have come to it. */
  waiting(): number;
  pass(): Promise<void>;
  open(): void;
}
export function closedDoor(): Door {
  let waiting = 0;
  let open!: () => void;
  const opened = new Promise<void>((resolve) => { open = resolve; });
  return {
    waiting: () => waiting,
    open,
    pass() {
      waiting += 1;
      return opened;
    },
  };
}
