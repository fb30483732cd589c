// Runs commands of gopush one after another, as each would run in a process of its own: loading the program takes longer than most of them.
const bin = new URL('../../packages/cli/dist/bin/gopush.js', import.meta.url);
const usual = { cwd: process.cwd(), env: { ...process.env } };
let count = 0;
// Each command listens to its errors.
process.stdout.setMaxListeners(0);

process.on('message', async ({ args, cwd = usual.cwd, env = {} }) => {
  process.argv.splice(2, Infinity, ...args);
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, usual.env, env);
  process.exitCode = undefined;
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    process[name].write = (text) => {
      output[name] += text;
      return true;
    };
  }
  await import(`${bin}?${count++}`);
  process.send({ code: process.exitCode ?? 0, ...output });
});
process.send('ready');
