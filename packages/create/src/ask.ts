import { createInterface } from 'node:readline/promises';
import { CreateError } from './create-error.ts';

/** Whether there is a person who can be asked: without a terminal, or in CI, a question would wait for ever. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true && !process.env.CI;
}

/**
 * Asks for one of some words, by the word or its number; an empty line means the first one.
 *
 * @param words - the words, with what each means
 * @throws CreateError if the terminal was closed, or Ctrl-C or Ctrl-D typed
 */
export async function choose<T extends string>(question: string, words: Readonly<Record<T, string>>): Promise<T> {
  const names = Object.keys(words) as T[];
  const width = Math.max(...names.map((name) => name.length));
  const list = names.map((name, index) => `  ${index + 1}  ${name.padEnd(width)}  ${words[name]}\n`).join('');
  process.stdout.write(`${question}\n${list}`);
  for (;;) {
    const line = await ask(`[1-${names.length}, default 1] `);
    const chosen = line === '' ? names[0] : (names.find((name) => name === line) ?? names[Number(line) - 1]);
    if (chosen !== undefined) return chosen;
  }
}

/** Asks for yes or no; an empty line means yes. @throws CreateError as {@link choose} does */
export async function confirm(question: string): Promise<boolean> {
  return !(await ask(`${question} [Y/n] `)).startsWith('n');
}

/** Asks for a line. The terminal is read only while it waits: programs that are started in between need it as well. */
async function ask(text: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const end = new AbortController();
  lines.on('SIGINT', () => lines.close());
  lines.on('close', () => end.abort());
  try {
    return (await lines.question(text, { signal: end.signal })).trim().toLowerCase();
  } catch {
    process.stdout.write('\n');
    throw new CreateError(1, 'cancelled');
  } finally {
    lines.close();
  }
}
