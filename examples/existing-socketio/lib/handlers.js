/** What the app does on Socket.IO: unchanged, whatever serves it. */

/** Refuses those who have not signed in, and remembers the others. */
function requireUser(socket, next) {
  const { user } = socket.request;
  if (!user) return next(new Error('unauthorized'));
  socket.data.name = user.name;
  next();
}

function requireAdmin(socket, next) {
  next(socket.data.name === 'admin' ? undefined : new Error('forbidden'));
}

/**
 * @param isNew - whether a client has just connected
 */
export function addHandlers(io, isNew = () => true) {
  io.use(requireUser);
  io.on('connection', (socket) => {
    const { name } = socket.data;
    if (isNew(socket)) socket.broadcast.emit('came', name);

    socket.on('join', async (room, ack) => {
      if (typeof ack !== 'function' || typeof room !== 'string' || room.length > 50) return;
      await socket.join(`room ${room}`);
      const others = await io.in(`room ${room}`).fetchSockets();
      ack([...new Set(others.map(({ data }) => data.name))].sort());
    });

    socket.on('say', (message, ack) => {
      // Clients may send anything, and an error here would end the process.
      const { room, text } = Object(message);
      if (typeof ack !== 'function' || typeof room !== 'string' || typeof text !== 'string') return;
      if (!socket.rooms.has(`room ${room}`)) return;
      socket.data.said = (socket.data.said ?? 0) + 1;
      io.to(`room ${room}`).emit('said', { room, name, text: text.slice(0, 1_000) });
      ack(socket.data.said);
    });
  });

  const admin = io.of('/admin');
  admin.use(requireUser);
  admin.use(requireAdmin);
  admin.on('connection', (socket) => {
    socket.on('announce', (text, ack) => {
      if (typeof text !== 'string') return;
      io.emit('announcement', text.slice(0, 1_000));
      if (typeof ack === 'function') ack('announced');
    });
  });
}
