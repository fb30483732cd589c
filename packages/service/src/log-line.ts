import { err as plainError } from 'pino-std-serializers';
import { hidden, isSecret, withoutOwnSecrets } from './redact.ts';

/**
 * Returns the beginning of the lines of a level and a node, up to the time.
 *
 * @param node - name of the node, if it has one
 */
export function startOfLine(level: string, node: string | undefined): string {
  return `{"level":"${level}",${node === undefined ? '' : `"node":${quote(node)},`}"time":"`;
}

/**
 * Writes a log line in JSON: the fields, then the message. Fields that are `undefined` are left out, and secrets are hidden.
 *
 * There is a line for each request, so this avoids copies and objects.
 *
 * @param start - of {@link startOfLine}
 */
export function writeLine(start: string, now: number, fields: object, message: string): string {
  let line = `${start}${timeOf(now)}"`;
  for (const key in fields) {
    const value: unknown = (fields as Record<string, unknown>)[key];
    const written = isSecret(key) ? hidden : writeValue(value);
    if (written !== undefined) line += `,"${key}":${written}`;
  }
  return `${line},"msg":${quote(message)}}\n`;
}

function writeValue(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'undefined':
      return undefined;
    case 'object':
      return writeObject(value);
    default:
      return writeObject(value);
  }
}

function writeObject(value: unknown): string | undefined {
  try {
    return JSON.stringify(withoutOwnSecrets(value instanceof Error ? plainError(value) : value));
  } catch {
    // The value contains itself, or a BigInt, or throws when it is read. The line must not be lost because of it.
    return quote(textOf(value));
  }
}

function textOf(value: unknown): string {
  try {
    return String(value instanceof Error ? (value.stack ?? value) : value);
  } catch {
    // An object without a prototype, or one that throws here as well.
    return 'a value that cannot be written';
  }
}

/** Text that needs no escaping in JSON: nearly all text in lines of requests. */
const plain = /^[ !#-[\]-~]*$/;

function quote(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

let writtenAt = 0;
let writtenTime = '';

/** Returns the time of a line. It is formatted once for all lines of one millisecond. */
function timeOf(now: number): string {
  if (now !== writtenAt) {
    writtenAt = now;
    writtenTime = new Date(now).toISOString();
  }
  return writtenTime;
}
