import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProject } from 'gopush/testing';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

const key = 'a-key-for-this-test-alone';

test('what is posted reaches Socket.IO, WebSocket and SSE; only with a key', async () => {
  const project = await startProject({ config: { api: { keys: [{ name: 'test', key, scopes: ['publish'] }] } } });
  const listen = `${project.url}/api/v1/listen?room=news`;
  const socket = io(project.url, { forceNew: true, transports: ['websocket'] });
  const webSocket = new WebSocket(listen.replace('http', 'ws'));
  const ready = new Promise((resolve) => webSocket.once('message', resolve));
  const stop = new AbortController();
  try {
    assert.equal((await socket.emitWithAck('go:join', 'news')).ok, true);
    await ready;
    const events = await fetch(listen, { signal: stop.signal });
    const heard = Promise.all([
      new Promise((resolve) => socket.once('note', resolve)),
      new Promise((resolve) => webSocket.once('message', (text) => resolve(JSON.parse(String(text)).message))),
      firstMessage(events),
    ]);
    assert.equal(await post(project.url, 'a-key-that-is-not-in-the-config'), 401);
    assert.equal(await post(project.url, key), 200);
    assert.deepEqual(await heard, ['hello', 'hello', 'hello']);
  } finally {
    socket.disconnect();
    webSocket.close();
    stop.abort();
    await project.close();
  }
});

/** @param {string} url @param {string} apiKey */
async function post(url, apiKey) {
  const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
  const body = JSON.stringify({ event: 'note', message: 'hello' });
  return (await fetch(`${url}/api/v1/rooms/news/publish`, { method: 'POST', headers, body })).status;
}

/**
 * The first message of a stream of events.
 *
 * @param {Response} response
 */
async function firstMessage(response) {
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    const [, data] = /^event: message\ndata: (.*)$/m.exec(text) ?? [];
    if (data !== undefined) return JSON.parse(data).message;
  }
}
