// Preloaded into a process of a test: on SIGUSR2 its clock is set forward by a day, and back by two with the next one, as if it had been wrong, or
// the machine suspended.
const day = 86_400_000;
const { now } = Date;
let ahead = 0;
Date.now = () => now() + ahead;
process.on('SIGUSR2', () => {
  ahead = ahead > 0 ? -day : day;
  process.stdout.write('clock set\n');
});
