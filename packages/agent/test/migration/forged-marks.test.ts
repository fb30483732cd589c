import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { frame } from '../support/frames.ts';
import { startSeeingTarget } from '../support/wire.ts';
import { answer, drain, fromClient, startSession, take } from './support/session.ts';

test('a client cannot speak for an agent or a target', async () => {
  const { client, old } = await startSession(0);
  client.socket.write(fromClient('gopush:drain', { opcode: 9 }));
  client.socket.write(fromClient('42["after"]'));
  await old.until(/gopush:drain[\s\S]*after/);
  // Only agents may say that a client is stopped: this never arrives.
  client.socket.write(fromClient('gopush:quiet', { opcode: 10 }));
  await client.closed();
  expect(old.text()).not.toMatch(/gopush:quiet/);
  const { client: other, old: itsTarget } = await (async () => {
    const target = await startSeeingTarget();
    const agent = await startTestAgent(hooksTo({ default: [{ ip: target.ip, port: target.port }] }));
    const arrives = target.next();
    const client = await openRaw(
      Number(new URL(agent.url).port),
      handshakeBytes('/socket.io/', {
        'x-gopush-resume': 'stolen',
        x_gopush_resume: 'stolen',
        'x-gopush-resume-after': 'a.1~',
        'x-gopush-can-resume': 'yes',
      }),
    );
    return { client, old: await arrives };
  })();
  const head = await take(itsTarget, sampleAnswer);
  expect(head).not.toMatch(/stolen|resume-after/);
  expect(head).toMatch(/\r\nx-gopush-can-resume: 1\r\n/);
  // This target does not take part: all that it sends is for the client.
  itsTarget.socket.write(drain);
  await other.until(/gopush:drain/);
  itsTarget.socket.end();
  await other.closed();
});

test('of what a target relays only a position gets into a header of the next request', async () => {
  const { old, second, route, give, client } = await startSession(1);
  const bad = [
    '\r\nx-gopush-uid: admin\r\nx: a.1~',
    '\nx-gopush-uid: admin\nx.1~',
    '\tx.1~',
    'a,b.1~',
    'a b.1~',
    '\u010d\u010ax-gopush-uid:admin.1~',
    'a.1.2~',
    'a.-1~',
    'a.1e9~',
    'a.~',
    '.1~',
    'a.1234567890123456~',
    `${'a'.repeat(65)}.1~`,
  ];
  for (const text of bad) old.socket.write(frame(`42["chat","${text}"]`));
  const elsewhere = [
    '42/a,["chat","b.1~"]',
    '42/a,["go:mark",1,"b.1~"]',
    '421["go:mark","b.1~"]',
    '43/a,1["go:mark","b.1~"]',
  ];
  for (const text of [...elsewhere, '42/a,["x","[\\"go:mark\\",","b.1~"]']) old.socket.write(frame(text));
  old.socket.write(frame('42["chat","good-Epoch_1.12~"]'));
  const own = frame('42/a,["go:mark","elsewhere.7~"]');
  old.socket.write(own.subarray(0, 20));
  await client.until(/\["go/);
  old.socket.write(own.subarray(20));
  old.socket.write(frame('40/admin,{"sid":"s","mark":"answers.3~"}'));
  await client.until(/answers/);
  route(second);
  const arrives = second.next();
  await give();
  const head = await take(await arrives, [Buffer.from(answer('two', 0), 'latin1')]);
  expect(head).toMatch(/\r\nx-gopush-resume-after: good-Epoch_1\.12~,elsewhere\.7~,answers\.3~\r\n/);
  expect(head.match(/x-gopush-uid/g)).toHaveLength(1);
});
