/** A state as a word, with a mark of its own shape and color. */
export function StateMark({ state }: { readonly state: string }) {
  return <span class={`state ${toneOf(state)}`}>{state}</span>;
}

/** How a state of a node or target looks. */
export function toneOf(state: string): string {
  if (state === 'ready' || state === 'up') return 'good';
  if (state === 'left') return 'over';
  if (state === 'gone' || state === 'ejected' || state === 'crash') return 'bad';
  if (state === 'impaired' || state === 'failing' || state === 'not ready') return 'warn';
  return 'busy';
}

/** The mark alone, for drawings: the shapes are those of the style sheet. */
export const marks: Readonly<Record<string, string>> = { good: '●', over: '○', bad: '✕', warn: '▲', busy: '◐' };
