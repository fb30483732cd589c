import { IncomingMessage, OutgoingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { AgentRequest } from '../../src/request/agent-request.ts';
import { FrameWalker } from '../../src/tunnel/frame-walker.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, send } from '../support/client.ts';
import { startEchoTarget, startTarget } from '../support/target.ts';

/** An unknown fault, in the path of a callback of the data path. */
function failIn<T extends object>(
  prototype: T,
  method: keyof T & string,
  when: (self: unknown, ...all: unknown[]) => boolean,
) {
  const original = prototype[method] as (...all: unknown[]) => unknown;
  const spy = vi.spyOn(prototype, method as never) as unknown as ReturnType<typeof vi.fn>;
  spy.mockImplementation(function (this: unknown, ...all: unknown[]) {
    if (when(this, ...all)) throw new Error('a fault');
    return original.apply(this, all);
  });
  onTestFinished(() => spy.mockRestore());
  return spy;
}

async function startBoth() {
  const { log, lines } = createMemoryLog();
  const target = await startTarget((request, response) => {
    response.setHeader('trailer', 'x-sum');
    request.resume().on('end', () => {
      response.write('ok');
      response.addTrailers({ 'x-sum': '1' });
      response.end();
    });
  });
  // The faults are within tunnels.
  const settings = { handOff: { enabled: false } };
  const agent = await startTestAgent(hooksTo({ default: target, echo: await startEchoTarget() }), settings, log);
  const tunnel = await openRaw(agent.port, handshakeBytes('/?product=echo'));
  await tunnel.until(/"url"/);
  const faults = () => lines.filter(({ level, fields }) => level === 'error' && fields.err instanceof Error).length;
  return { agent, tunnel, faults };
}

/** Whether this is a request of that name as the agent has it; its target is in this process, too. */
const isBad = (request: unknown): boolean => request instanceof AgentRequest && request.url === '/bad';

/** A frame of text, masked with nothing. */
const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);

test('a throw where an answer is taken up ends that request alone, and is logged', async () => {
  const { agent, tunnel, faults } = await startBoth();
  let left = 1;
  failIn(ServerResponse.prototype, 'writeHead', (self) => isBad((self as ServerResponse).req) && left-- > 0);
  expect((await send(`${agent.url}/bad`)).status).toBe(500);
  expect(faults()).toBe(1);
  expect((await send(agent.url)).body).toBe('ok');
  tunnel.socket.write(frame);
  await tunnel.until(/hi$/);
});

test('a throw where an answer ends cuts it alone', async () => {
  const { agent, tunnel, faults } = await startBoth();
  failIn(OutgoingMessage.prototype, 'addTrailers', (self) => isBad((self as ServerResponse).req));
  await expect(send(`${agent.url}/bad`)).rejects.toThrow();
  expect(faults()).toBe(1);
  expect((await send(agent.url)).trailers).toEqual({ 'x-sum': '1' });
  tunnel.socket.write(frame);
  await tunnel.until(/hi$/);
});

test('a throw in a tunnel ends that tunnel alone, and is logged', async () => {
  const { agent, tunnel, faults } = await startBoth();
  const other = await openRaw(agent.port, handshakeBytes('/?product=echo'));
  await other.until(/"url"/);
  let left = 1;
  failIn(FrameWalker.prototype, 'walk', () => left-- > 0);
  tunnel.socket.write(frame);
  await tunnel.closed();
  expect(faults()).toBe(1);
  other.socket.write(frame);
  await other.until(/hi$/);
});

test('a throw when a tunnel starts ends both its sides', async () => {
  const { agent, tunnel, faults } = await startBoth();
  let left = 1;
  failIn(Socket.prototype, 'setKeepAlive', () => left-- > 0);
  await openRaw(agent.port, handshakeBytes('/?product=echo')).then((raw) => raw.closed());
  expect(faults()).toBe(1);
  tunnel.socket.write(frame);
  await tunnel.until(/hi$/);
});

test('a logger that throws for a line of a tunnel ends nothing', async () => {
  const { log, lines } = createMemoryLog();
  const info = (first: object | string, message?: string): void => {
    if (message === 'tunnel') throw new Error('no');
    log.info(first as object, message as string);
  };
  const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }), {}, { ...log, info });
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await raw.until(/"url"/);
  raw.socket.destroy();
  await expect.poll(() => lines.some(({ level }) => level === 'error')).toBe(true);
  await openRaw(agent.port, handshakeBytes('/')).then((next) => next.until(/"url"/));
});

test('a throw while the body of a request is passed on ends that request alone', async () => {
  const { agent, faults } = await startBoth();
  failIn(IncomingMessage.prototype, 'on', (self, event) => isBad(self) && event === 'data');
  expect((await send(`${agent.url}/bad`, { method: 'POST', body: 'x' })).status).toBe(500);
  expect(faults()).toBe(1);
  expect((await send(agent.url, { method: 'POST', body: 'x' })).body).toBe('ok');
});
