import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProject } from 'gopush/testing';
import { io } from 'socket.io-client';

test('two users meet in a room', async () => {
  const project = await startProject();
  const [ann, bob] = ['ann', 'bob'].map((user) => io(project.url, { forceNew: true, query: { user } }));
  try {
    const heard = new Promise((resolve) => bob.once('chat', resolve));
    for (const socket of [ann, bob]) assert.equal((await socket.emitWithAck('room', { room: 'lobby' })).ok, true);
    ann.emit('room', { room: 'lobby', event: 'chat', message: 'hello' });
    assert.equal((await heard).message, 'hello');
  } finally {
    for (const socket of [ann, bob]) socket.disconnect();
    await project.close();
  }
});
