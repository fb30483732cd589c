import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeProject, startGopush } from '../../../../test/support/cli.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';

/** Ends of a push-server, each in the midst of writes to the store. */
const serverHook = `
export default {
  setup(io, push) {
    const write = () => {
      for (let count = 0; count < 50; count++) push.toRoom('busy', 'event', count, { keep: 'must' }).catch(() => {});
    };
    const thrice = (work) => {
      for (let count = 0; count < 3; count++) setTimeout(() => { write(); work(); }, count);
    };
    const endings = {
      errors: () => thrice(() => { throw new Error('on purpose'); }),
      rejections: () => thrice(() => { void Promise.reject(new Error('on purpose')); }),
      'no text': () => thrice(() => { throw Object.create(null); }),
      'a listener that throws': () => {
        process.on('exit', () => { throw new Error('in the listener'); });
        thrice(() => { throw new Error('on purpose'); });
      },
      'an exit': () => { write(); setTimeout(() => { write(); process.exit(3); }, 1); },
      'a blocked event loop': () => { write(); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); },
    };
    io.on('connection', (socket) => socket.on('end', (how) => endings[how]()));
  },
};
`;

async function startProject() {
  const project = await makeProject({ processes: { hangMs: 8_000 }, pushServer: { drainMs: 5_000 } });
  await writeFile(join(project.dir, 'hooks/server.local.mjs'), serverHook);
  const running = startGopush(['start'], { cwd: project.dir });
  await running.until(/gopush is ready/);
  return { ...project, running };
}

test('whatever ends a push-server in the midst of its writes, it ends, is started again, and the others can write', async () => {
  const { url, running } = await startProject();
  const client = await connectClient(url, 'websocket', { query: { user: 'ann' } });
  let disconnects = 0;
  client.on('disconnect', () => disconnects++);
  await client.emitWithAck('room', { room: 'lobby' });
  const endings = ['errors', 'rejections', 'no text', 'a listener that throws', 'an exit', 'a blocked event loop'];
  for (const [index, how] of endings.entries()) {
    client.emit('end', how);
    await running.until(new RegExp(`(exited unexpectedly[^]*){${index + 1}}`));
    const answer = await client
      .timeout(15_000)
      .emitWithAck('room', { room: 'lobby', event: 'chat', message: how, id: how });
    expect([how, answer.ok]).toEqual([how, true]);
    await running.until(new RegExp(`(push-server listening[^]*){${index + 3}}`));
  }
  expect(running.stdout()).toMatch(/its event loop is blocked; it is killed/);
  expect(disconnects).toBe(0);
}, 120_000);
