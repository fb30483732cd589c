import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

/** A Socket.IO client without a library, in the main namespace, that can send halves of frames. */
export async function connectRaw(url: string) {
  const client = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  onTestFinished(() => client.terminate());
  const heard: string[] = [];
  let code: number | undefined;
  // It answers no heartbeat: that would come within the frame of which it has sent a half.
  client.on('message', (data) => heard.push(String(data)));
  client.on('close', (closed) => {
    code = closed;
  });
  await once(client, 'open');
  client.send('40');
  await expect.poll(() => heard.find((text) => text.startsWith('42["go:welcome"'))).toBeDefined();
  const { _socket: stream } = client as unknown as { readonly _socket: Socket };
  return { client, heard, stream, code: () => code };
}

/** A text frame of a client; the mask is zero. */
export function frame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  return Buffer.concat([Buffer.of(0x81, 0x80 | length, 0, 0, 0, 0), Buffer.from(text)]);
}
