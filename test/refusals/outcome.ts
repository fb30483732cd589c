import { connect } from 'node:net';

/** How long to wait for a peer that does not respond at all, in milliseconds. */
const patienceMs = 2_500;

/** What came back so far, read as far as the first final response. */
interface Read {
  readonly status: string;
  readonly code: string | undefined;
  readonly isWhole: boolean;
}

function read(text: string): Read | undefined {
  let rest = text;
  for (;;) {
    const head = /^HTTP\/1\.[01] (\d+)[^\r\n]*\r\n(?:[^\r\n]*\r\n)*?\r\n/.exec(rest);
    if (head === null) return undefined;
    const [whole, status = ''] = head;
    rest = rest.slice(whole.length);
    if (status.startsWith('1') && status !== '101') continue;
    const code = /^x-gopush-error: ([a-z_]+)/im.exec(whole)?.[1] ?? /"code":"([a-z_]+)"/.exec(rest)?.[1];
    return { status, code, isWhole: isWhole(whole, status, rest) };
  }
}

function isWhole(head: string, status: string, body: string): boolean {
  if (status === '101' || status === '204' || status === '304') return true;
  if (/^transfer-encoding: *chunked/im.test(head)) return /(^|\r\n)0\r\n\r\n$/.test(body);
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  return length !== undefined && body.length >= Number(length);
}

/**
 * Sends bytes on a connection of its own, and says what comes back: a status, the agent's code if there is one, `closes` for no
 * response at all, `waits` for neither.
 */
export function outcomeOf(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const end = (outcome: string): void => {
      clearTimeout(patience);
      socket.destroy();
      resolve(outcome);
    };
    const say = ({ status, code }: Read): string => (code === undefined ? status : `${status} \`${code}\``);
    const patience = setTimeout(() => {
      const found = read(text);
      end(found === undefined ? 'waits' : say(found));
    }, patienceMs);
    socket.on('connect', () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const found = read(text);
      if (found?.isWhole === true) end(say(found));
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      const found = read(text);
      if (found === undefined) end(text === '' ? 'closes' : 'a page with no head');
      else
        end(
          /\r\n(content-length|transfer-encoding):/i.test(text) && !found.isWhole ? `${say(found)}, cut` : say(found),
        );
    });
  });
}
