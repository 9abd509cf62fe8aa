/** Retrying cannot help: the run fails now. `code` goes into `error_code`. */
export class PermanentError extends Error {
  readonly code: string;
  readonly data: Record<string, unknown>;
  constructor(code: string, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = "PermanentError";
    this.code = code;
    this.data = data;
  }
}

/** Worth another attempt, not before `seconds` from now. */
export class RetryLater extends Error {
  readonly code: string;
  readonly seconds: number;
  constructor(code: string, message: string, seconds: number, options?: ErrorOptions) {
    super(message, options);
    this.name = "RetryLater";
    this.code = code;
    this.seconds = seconds;
  }
}

/** This executor cannot do the phase; one that offers `labels` can. The run goes back with what is done. */
export class NeedsLabels extends Error {
  readonly code = "no_engine";
  readonly labels: string[];
  constructor(labels: string[], message: string) {
    super(message);
    this.name = "NeedsLabels";
    this.labels = labels;
  }
}

/** Another attempt holds the run, or it has ended: stop and write nothing more. */
export class LeaseLost extends Error {
  readonly code = "lease_lost";
  constructor(message = "the lease was lost", options?: ErrorOptions) {
    super(message, options);
    this.name = "LeaseLost";
  }
}

/** An error of a phase that retries while attempts are left. */
export class PhaseError extends Error {
  readonly code: string;
  readonly data: Record<string, unknown>;
  constructor(code: string, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = "PhaseError";
    this.code = code;
    this.data = data;
  }
}
