import type { Failure, FailureCode } from './failure.ts';

/** The result of a step with expected failures. Bugs throw instead. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** A successful {@link Result}. */
export function success<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** A failed {@link Result}. */
export function failed(code: FailureCode, detail?: string, cause?: unknown): Result<never> {
  return {
    ok: false,
    failure: {
      code,
      ...(detail === undefined ? {} : { detail }),
      ...(cause === undefined ? {} : { cause }),
    },
  };
}
