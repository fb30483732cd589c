import type { CreateError } from 'gopush-create';

/**
 * Ends a command with a message (none if a child process has printed it) and an exit code: 1 for failures of the
 * machine, 2 for mistakes in the project's files.
 */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Exit codes of errors whose message is sufficient, by name: using the classes would load the agent and the hooks for each
 * command, which takes longer than most commands do.
 */
const exitCodes: Readonly<Record<string, number>> = {
  HookError: 2,
  CertificateError: 2,
  ListenError: 1,
  FolderError: 1,
};

/** Converts an error to one with a plain message; `undefined`: it is a bug, whose stack is needed. */
function toCommandError(error: unknown): CommandError | undefined {
  if (error instanceof CommandError) return error;
  if (!(error instanceof Error)) return undefined;
  const exitCode = error.name === 'CreateError' ? (error as CreateError).exitCode : exitCodes[error.name];
  return exitCode === undefined ? undefined : new CommandError(exitCode, error.message);
}

/** Prints an error: one line if it is known, its stack if it is a bug. */
export function sayError(program: string, error: unknown): number {
  const known = toCommandError(error);
  if (known === undefined) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  else if (known.message !== '') process.stderr.write(`${program}: ${known.message}\n`);
  return known?.exitCode ?? 1;
}
