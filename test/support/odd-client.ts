import type { Socket as TcpSocket } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

/** A client that can be made to send what no library would. */
export async function openOddClient(url: string, user: string) {
  const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket&user=${user}`);
  onTestFinished(() => socket.terminate());
  let closed: number | undefined;
  socket.on('error', () => {});
  socket.on('close', (code) => {
    closed = code;
  });
  await new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      if (String(data).startsWith('0{')) socket.send('40');
      else if (String(data).startsWith('40{')) resolve();
    });
  });
  const { _socket: raw } = socket as unknown as { _socket: TcpSocket };
  return { socket, raw, isClosed: () => closed };
}
