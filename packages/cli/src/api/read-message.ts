import { CommandError } from '../command-error.ts';

/**
 * Reads the message argument of a command: JSON, or else the text itself, so that a word needs no quotes within quotes. What begins as
 * an object, a list or a text of JSON must be that: clients would get a forgotten bracket otherwise.
 *
 * @throws CommandError with exit code 2 for JSON that is broken
 */
export function readMessage(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/^\s*[[{"]/.test(text)) return text;
    throw new CommandError(2, `the message is not JSON: ${(error as Error).message.replaceAll(/\s+/g, ' ')}`);
  }
}
