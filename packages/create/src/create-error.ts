/** Ends the command with a message and an exit code: 1 for failures of the machine, 2 for mistakes in the command or the project's files. */
export class CreateError extends Error {
  override readonly name = 'CreateError';
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
