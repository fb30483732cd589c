/** The default path of Socket.IO. */
export const usualEnginePath = '/socket.io';

/** Path of the client library, below the path of Socket.IO. */
const library = /^socket\.io(?:\.msgpack|\.esm)?(?:\.min)?\.js(?:\.map)?(?:\?|$)/;

/**
 * Whether a request is for Engine.IO. Files of the client library are below the same path, and are for all pages.
 *
 * @param path - where Socket.IO is: `pushServer.path`
 */
export function isForEngine(url: string, path: string): boolean {
  return url.startsWith(path) && url[path.length] === '/' && !library.test(url.slice(path.length + 1));
}
