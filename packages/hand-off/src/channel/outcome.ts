/** The result of a step that may be refused for a reason that is expected. Bugs throw instead. */
export type Outcome<T, C extends string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly cause: C; readonly detail: string };

/** An {@link Outcome} of a step that succeeded. */
export function success<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** An {@link Outcome} of a step that was refused. */
export function failed<C extends string>(
  cause: C,
  detail: string,
): { readonly ok: false; readonly cause: C; readonly detail: string } {
  return { ok: false, cause, detail };
}
