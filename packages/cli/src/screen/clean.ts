/** Makes text fit for a terminal: clients choose the names of rooms and the like, and control characters must not reach it. */
export function clean(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Cf}/gu, '?');
}
