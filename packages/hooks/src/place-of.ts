import { fileURLToPath } from 'node:url';

/** One frame of a stack, as V8 writes it: `at f (/path:1:2)`, `at async /path:1:2`, `at file:///path:1:2`. */
const frame = /^\s+at .*?\(?((?:file:\/\/)?\/[^()]*):(\d+):(\d+)\)?$/;

/** Where in the project something was thrown, as `/path/of/file.js:2:7`: not in Node, nor in a package; `undefined`: not known. */
function placeOf(error: unknown): string | undefined {
  const stack = error instanceof Error ? error.stack : undefined;
  for (const line of stack?.split('\n') ?? []) {
    const [, place, row, column] = frame.exec(line) ?? [];
    if (place === undefined || place.includes('/node_modules/')) continue;
    return `${place.startsWith('file:') ? fileURLToPath(place) : place}:${row}:${column}`;
  }
  return undefined;
}

/** Describes an error and where it was thrown, for a message of one line. */
export function describeThrown(error: unknown): string {
  try {
    const message = error instanceof Error ? error.message : String(error);
    const place = placeOf(error);
    return place === undefined ? message : `${message} (${place})`;
  } catch {
    return 'something that throws when read';
  }
}
