/** A hook file cannot be used. The message is one line that says why. */
export class HookError extends Error {
  override readonly name = 'HookError';
  readonly hook: string;
  readonly file: string;

  constructor(hook: string, file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options);
    this.hook = hook;
    this.file = file;
  }
}
