/** Loads files, each after this process has looked at a socket; prints the errors as JSON. */
import { lstatSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { pathToFileURL } from 'node:url';

const [socket, ...files] = process.argv.slice(2);
const server = createServer().listen(socket);
const errors = [];
for (const file of files) {
  if (!lstatSync(socket).isSocket()) throw new Error(`${socket} is not a socket`);
  await import(pathToFileURL(file)).catch((error) => errors.push(`${file}: ${error.message}`));
}
server.close();
rmSync(socket, { force: true });
process.stdout.write(JSON.stringify(errors), () => process.exit());
