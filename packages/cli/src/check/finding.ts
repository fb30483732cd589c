/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  /** `warning`: works, but perhaps not as meant. */
  readonly state: 'ok' | 'warning' | 'wrong';
  readonly detail: string;
}

/** Prints one line per finding. */
export function printFindings(findings: readonly Finding[]): void {
  const marks = { ok: '✓', warning: '!', wrong: '✗' };
  for (const { what, state, detail } of findings) process.stdout.write(`${marks[state]} ${what}: ${detail}\n`);
}
