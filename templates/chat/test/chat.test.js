import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProject } from 'gopush/testing';
import { io } from 'socket.io-client';

test('users who signed in meet in a room; nobody else gets in', async () => {
  const project = await startProject();
  try {
    const [ann, bob] = [await signUp(project.url), await signUp(project.url)];
    const heard = new Promise((resolve) => bob.socket.once('message', (...args) => resolve(args)));
    for (const { socket } of [ann, bob]) assert.equal((await socket.emitWithAck('go:join', 'lobby')).ok, true);

    const message = { id: '1', text: 'hello' };
    const published = await ann.socket.emitWithAck('go:publish', { room: 'lobby', event: 'message', message });
    assert.equal(published.ok, true);
    // The name of the sender comes from the session, not from the message.
    assert.deepEqual((await heard).slice(0, 2), [message, { room: 'lobby', sender: ann.name }]);

    const history = await bob.socket.emitWithAck('history', 'lobby');
    assert.deepEqual([history.messages[0].message, history.messages[0].sender], [message, ann.name]);
    const elsewhere = { room: 'Not a room', event: 'message', message };
    assert.equal((await ann.socket.emitWithAck('go:join', elsewhere.room)).error.code, 'join_refused');
    assert.equal((await ann.socket.emitWithAck('go:publish', elsewhere)).error.code, 'publish_refused');
    assert.equal((await ann.socket.emitWithAck('history', elsewhere.room)).ok, false);
    for (const { socket } of [ann, bob]) socket.disconnect();

    const stranger = io(project.url, { forceNew: true });
    assert.match(
      await new Promise((resolve) => stranger.once('connect_error', ({ message }) => resolve(message))),
      /./,
    );
    stranger.disconnect();
  } finally {
    await project.close();
  }
});

test('passwords cannot be tried without end', async () => {
  const project = await startProject();
  try {
    const { name, socket } = await signUp(project.url);
    const signIn = async (/** @type {string} */ password) => {
      const body = JSON.stringify({ name, password });
      const headers = { 'content-type': 'application/json' };
      return (await fetch(`${project.url}/session`, { method: 'POST', headers, body })).status;
    };
    assert.equal(await signIn('correct horse'), 201);
    for (let attempt = 0; attempt < 10; attempt++) assert.equal(await signIn('wrong horse'), 401);
    // Not even with the right one: otherwise it could be found out.
    assert.equal(await signIn('correct horse'), 429);
    // Those who are signed in notice nothing.
    assert.equal((await socket.emitWithAck('go:join', 'lobby')).ok, true);
    socket.disconnect();
  } finally {
    await project.close();
  }
});

test('a storm of passwords is refused, and is over soon', async () => {
  const project = await startProject();
  try {
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const body = JSON.stringify({ name: `storm-${index}`, password: 'correct horse' });
        const headers = { 'content-type': 'application/json' };
        return (await fetch(`${project.url}/accounts`, { method: 'POST', headers, body })).status;
      }),
    );
    assert.deepEqual([...new Set(statuses)].sort(), [201, 503]);
    const { socket } = await signUp(project.url);
    socket.disconnect();
  } finally {
    await project.close();
  }
});

/**
 * Adds an account, and connects with its session.
 *
 * @param {string} url
 */
async function signUp(url) {
  const name = `test-${Math.random().toString(36).slice(2, 12)}`;
  const body = JSON.stringify({ name, password: 'correct horse' });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/accounts`, { method: 'POST', headers, body });
  assert.equal(response.status, 201);
  const [cookie] = response.headers.getSetCookie().join().split(';');
  return { name, socket: io(url, { forceNew: true, extraHeaders: { cookie } }) };
}
