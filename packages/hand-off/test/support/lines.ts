import { connect, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';

/** A client that upgrades to lines of text. */
export class LineClient {
  readonly socket: Socket;
  text = '';
  isClosed = false;

  constructor(port: number, path: string) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n`);
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isClosed = true;
    });
    onTestFinished(() => void this.socket.destroy());
  }

  /** What came after the head of the response. */
  get lines(): string {
    const end = this.text.indexOf('\r\n\r\n');
    return end < 0 ? '' : this.text.slice(end + 4);
  }

  async upgraded(): Promise<void> {
    await expect.poll(() => this.text).toMatch(/^HTTP\/1\.1 101 .*\r\n\r\n/s);
  }

  async has(lines: string): Promise<void> {
    await expect.poll(() => this.lines).toBe(lines);
  }
}
