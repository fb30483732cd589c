import type { Failure } from './failure.ts';

/** What a step that may fail in expected ways returns; bugs throw instead. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** Wraps a value that was obtained. */
export function success<T>(value: T): Result<T> {
  return { ok: true, value };
}
