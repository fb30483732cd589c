/**
 * Writes a value as JSON on one line for a terminal. Clients choose texts in it, and no control character among them may reach the
 * terminal: beside those that JSON escapes, those from DEL on, and such as change the direction of what follows. It stays the same value.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\u007f-\u009f]|\p{Cf}/gu, escapeUnits);
}

function escapeUnits(character: string): string {
  return Array.from(
    { length: character.length },
    (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
  ).join('');
}
