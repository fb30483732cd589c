// Their types are none, or not to be found by `exports`.
declare module 'socket.io-client-2';
declare module 'socket.io-client-3';
