import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { startProject } from 'gopush/testing';
import { WebSocket } from 'ws';
import { startBackend } from '../backend.js';

test('each visitor stays on one back end, by HTTP and by WebSocket', async () => {
  const backends = [await startBackend(0), await startBackend(0)];
  process.env.BACKEND_PORTS = backends.map(({ port }) => port).join(',');
  const project = await startProject();
  try {
    const response = await fetch(`${project.url}/api`, { headers: { 'x-gopush-uid': 'somebody-else' } });
    const { user, port } = await response.json();
    assert.match(user, /^[0-9a-f-]{36}$/);
    const [cookie] = response.headers.getSetCookie().join().split(';');
    for (let request = 0; request < 5; request++) {
      const again = await fetch(`${project.url}/api`, { headers: { cookie } });
      assert.deepEqual(await again.json(), { user, port });
    }
    const socket = new WebSocket(project.url.replace('http', 'ws'), { headers: { cookie } });
    await once(socket, 'open');
    socket.send('hello');
    assert.equal(String((await once(socket, 'message'))[0]), `${port} heard hello`);
    socket.close();
  } finally {
    await project.close();
    for (const backend of backends) backend.close();
  }
});
