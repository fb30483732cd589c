import { expect, test } from 'vitest';
import { sampleAnswer } from '../support/client.ts';
import { frame } from '../support/frames.ts';
import { answer, closeOf1012, fallbacks, startSession, take } from './support/session.ts';

test.each([
  ['refuses connections', undefined, 'asked again'],
  ['answers 503', 'HTTP/1.1 503 stopping\r\ncontent-length: 0\r\n\r\n', 'asked again'],
  ['begins a new session instead', sampleAnswer, 'asked again'],
  ['sends a wrong skip count', answer('two', 'many'), 'asked again'],
  ['does not respond', '', 'asked again'],
  [
    'does not know the session',
    'HTTP/1.1 410 gone\r\nx-gopush-error: session_unknown\r\ncontent-length: 0\r\n\r\n',
    'unknown',
  ],
  ['forbids it', 'HTTP/1.1 403 no\r\ncontent-length: 0\r\n\r\n', 'refused'],
])('the next target %s', async (_how, said, outcome) => {
  const { agent, client, second, third, route, give, next } = await startSession(2, {
    agent: { handshakeTimeoutMs: 200 },
  });
  const bad = said === undefined ? { ...second, port: 1 } : second;
  route(bad);
  const arrives = second.next();
  const rescued = third.next();
  await give();
  if (said !== undefined) {
    const fresh = await arrives;
    if (outcome === 'asked again') route(bad, third);
    if (said !== '') await take(fresh, said);
  } else route(bad, third);
  if (outcome === 'asked again') {
    // The good one may be asked only in a later round.
    const answering = setInterval(() => {
      for (const { socket, text } of second.connections) if (text() !== '' && said) socket.end(said, 'latin1');
    }, 20);
    await take(await rescued, [Buffer.from(answer('three', 1), 'latin1'), frame('0{}'), frame('42["on"]')]);
    clearInterval(answering);
    await client.until(/42\["on"\]/);
    expect(await fallbacks(agent)).toBe('');
  } else {
    expect((await next(/could not migrate or fail over/)).fields).toMatchObject({ cause: outcome });
    expect((await client.closed()).slice(-4)).toBe(closeOf1012);
    expect(await fallbacks(agent)).toBe(`gopush_agent_move_fallbacks_total{cause="${outcome}"} 1`);
  }
});

test('a target that does not speak WebSocket has no session: no fallback is reported', async () => {
  const { agent, client, old, lines } = await startSession(1);
  old.socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  await client.closed();
  expect(await fallbacks(agent)).toBe('');
  expect(lines).not.toContainEqual(
    expect.objectContaining({ message: expect.stringContaining('could not migrate or fail over') }),
  );
});
