import { validateHeaderValue } from 'node:http';
import { CommandError } from '../command-error.ts';

/** Checks a key before `fetch`, whose error would show it. @throws CommandError with exit code 2 */
export function checkKey(key: string, what = 'the API key'): string {
  try {
    validateHeaderValue('x-api-key', key);
    return key;
  } catch {
    throw new CommandError(2, `${what} contains characters that are not allowed in a header`);
  }
}
