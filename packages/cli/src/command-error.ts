/** Ends a command with one message (none where a child process has said it) and an exit code: 1 for what the machine refuses, 2 for what the project's files say wrongly. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Exit codes of errors that say all there is to say, by their names: naming the classes would load the agent and the hooks for each
 * command, which takes longer than most commands do.
 */
const exitCodes: Readonly<Record<string, number>> = { HookError: 2, CertificateError: 2, ListenError: 1 };

/** Takes anything that stops a command to one that can be said plainly; `undefined`: it is a bug, and wants its stack. */
function toCommandError(error: unknown): CommandError | undefined {
  if (error instanceof CommandError) return error;
  if (!(error instanceof Error)) return undefined;
  const exitCode = exitCodes[error.name];
  return exitCode === undefined ? undefined : new CommandError(exitCode, error.message);
}

/** Says an error to people: one line where it is known, its stack where it is a bug. */
export function sayError(program: string, error: unknown): number {
  const known = toCommandError(error);
  if (known === undefined) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  else if (known.message !== '') process.stderr.write(`${program}: ${known.message}\n`);
  return known?.exitCode ?? 1;
}
