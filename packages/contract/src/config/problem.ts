/** A problem with one setting. */
export interface ConfigProblem {
  /** The file with its line, or the environment variable. */
  readonly source: string;
  /** The path of the setting, for example `agent.drainMs`; empty for the file as a whole. */
  readonly key: string;
  readonly found: string;
  readonly wanted: string;
}

/** All problems as one message, a line each. */
export function formatConfigProblems(problems: readonly ConfigProblem[]): string {
  return problems
    .map(
      ({ source, key, found, wanted }) => `${source}: ${key === '' ? '' : `${key}: `}found ${found}, wanted ${wanted}`,
    )
    .join('\n');
}
