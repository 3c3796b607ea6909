export type Status = 'ok' | 'warn' | 'fail';

/** One thing the doctor looked at. The names are those of `--json`. */
export interface Finding {
  readonly check: string;
  readonly status: Status;
  readonly detail: string;
  /** How to mend it; null where nothing is to be mended. */
  readonly fix: string | null;
}

export function ok(check: string, detail: string): Finding {
  return { check, status: 'ok', detail, fix: null };
}

export function warn(check: string, detail: string, fix: string): Finding {
  return { check, status: 'warn', detail, fix };
}

export function fail(check: string, detail: string, fix: string): Finding {
  return { check, status: 'fail', detail, fix };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
