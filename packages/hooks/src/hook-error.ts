/** A hook file that cannot be used, in one clear message. */
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
