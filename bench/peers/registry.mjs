/**
 * An npm registry with the packages of this workspace, as they would be published; for all other packages it redirects to the registry
 * that npm is configured with.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

/**
 * Serves the tarballs of a folder, on loopback.
 *
 * @returns its URL, and a function that stops it
 */
export async function startRegistry(folder) {
  const others = spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).stdout.trim().replace(/\/$/, '');
  const packages = new Map(readdirSync(folder).map((file) => describe(folder, file)));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://registry').pathname.slice(1));
    const origin = `http://${request.headers.host}`;
    const file = /^-\/(.+\.tgz)$/.exec(path)?.[1];
    if (file !== undefined) return response.end(readFileSync(join(folder, file)));
    const found = packages.get(path);
    if (found === undefined) return response.writeHead(302, { location: others + request.url }).end();
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify(documentOf(found, origin)));
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function describe(folder, file) {
  const data = readFileSync(join(folder, file));
  const { stdout } = spawnSync('tar', ['-xzOf', join(folder, file), 'package/package.json'], { encoding: 'utf8' });
  const manifest = JSON.parse(stdout);
  const hash = (algorithm, encoding) => createHash(algorithm).update(data).digest(encoding);
  return [
    manifest.name,
    { manifest, file, integrity: `sha512-${hash('sha512', 'base64')}`, shasum: hash('sha1', 'hex') },
  ];
}

function documentOf({ manifest, file, integrity, shasum }, origin) {
  const { name, version, bin } = manifest;
  const dist = { tarball: `${origin}/-/${file}`, integrity, shasum };
  // As a registry does, which installs of npm count on.
  const commands = typeof bin === 'string' ? { [name]: bin } : bin;
  const published = { ...manifest, ...(commands && { bin: commands }), _id: `${name}@${version}`, dist };
  // Long ago: some package managers wait before they install what is new.
  const time = '2026-01-01T00:00:00.000Z';
  return {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: published },
    time: { created: time, modified: time, [version]: time },
  };
}
