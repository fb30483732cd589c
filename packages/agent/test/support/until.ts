import type { Socket } from 'node:net';

/** Resolves when what has come on a connection matches; no longer looks at it then. */
export function untilMatch(socket: Socket, text: () => string, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const match = pattern.exec(text());
      if (match === null) return;
      socket.off('data', look).off('close', onClose);
      resolve(match);
    };
    const onClose = (): void => reject(new Error(`closed before ${pattern}: ${text()}`));
    socket.on('data', look).on('close', onClose);
    look();
  });
}
