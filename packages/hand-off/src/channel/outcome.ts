/** The result of a step that may be refused for a reason that is expected. Bugs throw instead. */
export type Outcome<T, C extends string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly cause: C; readonly detail: string };
