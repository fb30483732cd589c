/** The page: REST for accounts and channels, Socket.IO for everything that happens at once. */
const $ = (id) => document.getElementById(id);
const { io } = window;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let me;
let socket;
/** The channel that is shown. */
let open;
/** Where the page of the history before the messages shown ends; `null`: there is none. */
let before = null;
/** Messages shown, by sender and id: each is shown once, however often it is sent. */
const shown = new Map();
const unread = new Map();
const typing = new Map();
let toldTyping = 0;

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body && { 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  const result = await response.json().catch(() => ({}));
  return response.ok ? result : { error: result.error ?? `The server says ${response.status}.` };
}

/** The ack of a request, or nothing if the connection ends before it comes: the next one begins anew. */
const ask = (event, data) => socket.emitWithAck(event, data).catch(() => ({}));

async function begin() {
  const { name } = await call('GET', '/api/me');
  me = name;
  $('door').hidden = me !== undefined;
  $('chat').hidden = me === undefined;
  if (me === undefined) return;
  $('me').textContent = me;
  connect();
}

$('credentials').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { name, password } = Object.fromEntries(new FormData(event.target));
  const { error } = await call('POST', `/api/${event.submitter?.value ?? 'sign-in'}`, { name, password });
  $('refused').textContent = error ?? '';
  if (!error) begin();
});

$('sign-out').addEventListener('click', async () => {
  await call('POST', '/api/sign-out');
  socket.disconnect();
  location.reload();
});

function connect() {
  // WebSocket from the start: then a restart of a worker is not noticed at all.
  socket = io({ transports: ['websocket'] });
  socket.on('connect', async () => {
    say('');
    const { channels } = await ask('channels');
    if (channels) await showChannels(channels);
    if (open && !socket.recovered) await loadHistory();
  });
  socket.on('disconnect', () => say('Connecting again …'));
  socket.on('connect_error', async () => {
    say('Connecting …');
    // The token has expired, or the cookie is gone.
    const { status } = await fetch('/api/me').catch(() => ({}));
    if (status === 401) location.reload();
  });
  socket.on('channels', showChannels);
  socket.on('chat', (message, { room, sender }) => {
    // A client has sent it in another form, with the event `room`.
    if (typeof message.text !== 'string') return;
    if (room !== open) {
      if (sender !== me) unread.set(room, (unread.get(room) ?? 0) + 1);
      return markUnread();
    }
    typing.delete(sender);
    showTyping();
    showMessage({ ...message, sender });
  });
  socket.on('typing', (_nothing, { room, sender }) => {
    if (room !== open || sender === me) return;
    typing.set(sender, Date.now());
    showTyping();
    setTimeout(showTyping, 4_000);
  });
  socket.on('go:presence', ({ room }) => room === open && showOnline());
  // The history does not reach back to what this page has, so the page reads the whole history.
  socket.on('go:gap', ({ room }) => room === open && loadHistory());
}

async function showChannels(channels) {
  const joined = channels.filter((channel) => channel.joined).map(({ name }) => name);
  // Joining a channel again has no effect.
  for (let at = 0; at < joined.length; at += 100) await ask('go:join', joined.slice(at, at + 100));
  $('joined').replaceChildren(...joined.map((name) => channelButton(name, () => show(name))));
  const others = channels.filter((channel) => !channel.joined);
  $('others').replaceChildren(...others.map(({ name }) => channelButton(name, () => join(name))));
  if (!joined.includes(open)) await show(joined[0]);
  markUnread();
}

function channelButton(name, onClick) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.dataset.channel = name;
  button.append(`# ${name} `, document.createElement('b'));
  button.addEventListener('click', onClick);
  item.append(button);
  return item;
}

function markUnread() {
  for (const button of document.querySelectorAll('[data-channel]')) {
    const { channel } = button.dataset;
    button.querySelector('b').textContent = unread.get(channel) ?? '';
    button.toggleAttribute('aria-current', channel === open);
  }
}

async function join(channel) {
  const { error } = await ask('join', { channel });
  if (error) say(error);
  else await show(channel);
}

async function show(channel) {
  open = channel;
  $('title').textContent = channel ? `# ${channel}` : 'No channel';
  for (const id of ['leave', 'write']) $(id).hidden = !channel;
  unread.delete(channel);
  typing.clear();
  showTyping();
  markUnread();
  await loadHistory();
  await showOnline();
}

$('leave').addEventListener('click', () => ask('leave', { channel: open }));

$('create').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { name } = Object.fromEntries(new FormData(event.target));
  const { error } = await call('POST', '/api/channels', { name: name.toLowerCase() });
  say(error ?? '');
  if (error) return;
  event.target.reset();
  await join(name.toLowerCase());
});

async function loadHistory() {
  const channel = open;
  const { messages, before: rest } = channel ? await ask('history', { channel }) : {};
  if (channel !== open) return;
  shown.clear();
  $('messages').replaceChildren();
  for (const message of messages ?? []) showMessage(message);
  before = rest ?? null;
  $('earlier').hidden = before === null;
}

$('earlier').addEventListener('click', async () => {
  const channel = open;
  const { messages, before: rest } = await ask('history', { channel, before });
  if (channel !== open) return;
  for (const message of (messages ?? []).reverse()) showMessage(message, true);
  before = rest ?? null;
  $('earlier').hidden = before === null;
});

function showMessage({ id, sender, text, at }, first = false) {
  const key = `${sender} ${id}`;
  const isAtEnd = $('scroll').scrollHeight - $('scroll').scrollTop - $('scroll').clientHeight < 60;
  shown.get(key)?.remove();
  const item = document.createElement('li');
  const name = document.createElement('b');
  const time = document.createElement('time');
  name.textContent = sender;
  time.textContent = at ? new Date(at).toLocaleTimeString([], { timeStyle: 'short' }) : '…';
  item.append(name, `${text} `, time);
  item.className = at ? '' : 'waiting';
  shown.set(key, item);
  if (first) $('messages').prepend(item);
  else $('messages').append(item);
  if (!first && (isAtEnd || sender === me)) $('scroll').scrollTop = $('scroll').scrollHeight;
}

async function showOnline() {
  const room = open;
  const { users } = room ? await ask('go:presence', { room }) : {};
  if (room !== open) return;
  const names = (users ?? []).map(({ uid }) => uid).sort();
  $('online').replaceChildren(
    ...names.map((name) => {
      const item = document.createElement('li');
      item.textContent = name;
      return item;
    }),
  );
}

function showTyping() {
  for (const [name, at] of typing) if (Date.now() - at > 3_900) typing.delete(name);
  const names = [...typing.keys()];
  $('typing').textContent =
    names.length === 0 ? '' : `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} typing …`;
}

$('write').addEventListener('input', () => {
  if (Date.now() - toldTyping < 2_000 || !socket.connected) return;
  toldTyping = Date.now();
  socket.emit('go:publish', { room: open, event: 'typing', volatile: true });
});

$('write').addEventListener('submit', (event) => {
  event.preventDefault();
  const { text } = Object.fromEntries(new FormData(event.target));
  event.target.reset();
  toldTyping = 0;
  if (text.trim() !== '') send(open, text.trim());
});

/** Messages are sent one after the other: sent again, one would otherwise come after those that were written later. */
let sending = Promise.resolve();

function send(room, text) {
  const id = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(36)).join('');
  showMessage({ id, sender: me, text });
  sending = sending.then(() => publish(room, id, text));
}

/** Publishes a message until the server has it. Sent twice, it is published once: it keeps its id. */
async function publish(room, id, text) {
  const request = { room, event: 'chat', message: { id, text }, id, echo: true };
  for (;;) {
    const { ok, error } = await socket
      .timeout(3_000)
      .emitWithAck('go:publish', request)
      .catch(() => ({ error: { code: 'timeout' } }));
    if (ok) return;
    if (/^(publish_refused|payload_invalid|room_invalid)$/.test(error.code)) return say(error.message);
    await pause(500);
  }
}

function say(text) {
  $('state').textContent = text;
}

begin();
