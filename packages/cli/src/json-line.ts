/**
 * Writes a value as JSON on one line for a terminal. Clients choose texts in it, so all control characters are escaped: besides those that JSON
 * escapes, those from DEL on, and those that change the direction of text. The value stays the same.
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
