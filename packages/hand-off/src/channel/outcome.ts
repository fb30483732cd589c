/** The result of a step that may be refused for a reason that is expected. Bugs throw instead. */
export type Outcome<T, C extends string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly cause: C; readonly detail: string };

/** An {@link Outcome} that went well. */
export function done<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** An {@link Outcome} that did not. */
export function not<C extends string>(
  cause: C,
  detail: string,
): { readonly ok: false; readonly cause: C; readonly detail: string } {
  return { ok: false, cause, detail };
}
