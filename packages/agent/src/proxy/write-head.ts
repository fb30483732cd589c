/** The head of an HTTP/1.1 answer as it goes on the wire, from names and values in turn. */
export function writeHead(status: number, reason: string, headers: readonly string[]): string {
  return `HTTP/1.1 ${status} ${reason}\r\n${writeHeaders(headers)}\r\n`;
}

/** The head of an HTTP/1.1 request as it goes on the wire, from names and values in turn. */
export function writeRequestHead(method: string, path: string, headers: readonly string[]): string {
  return `${method} ${path} HTTP/1.1\r\n${writeHeaders(headers)}\r\n`;
}

/** Headers as lines, from names and values in turn. */
export function writeHeaders(headers: readonly string[]): string {
  let text = '';
  for (let index = 0; index + 1 < headers.length; index += 2) text += `${headers[index]}: ${headers[index + 1]}\r\n`;
  return text;
}
