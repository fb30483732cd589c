/** Headers as an agent adds them for a user, as lines that end with CRLF. */
export function headersOf(uid: string, more: readonly string[] = []): string {
  const lines = [
    `x-gopush-uid: ${uid}`,
    'x-gopush-product: default',
    'x-gopush-agent: front',
    'sec-gopush-vouched: 1',
    'x-gopush-can-resume: 1',
    'x-forwarded-for: 192.0.2.7',
    ...more,
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}
