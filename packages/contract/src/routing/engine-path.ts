/** Where Socket.IO is, unless a server says otherwise. */
export const usualEnginePath = '/socket.io';

/** The client library, which Socket.IO serves below its path. */
const library = /^socket\.io(?:\.msgpack|\.esm)?(?:\.min)?\.js(?:\.map)?(?:\?|$)/;

/**
 * Whether a request is for Engine.IO, rather than for a file of the client library beside it, which is for all pages.
 *
 * @param path - where Socket.IO is: `pushServer.path`
 */
export function isForEngine(url: string, path: string): boolean {
  return url.startsWith(path) && url[path.length] === '/' && !library.test(url.slice(path.length + 1));
}
