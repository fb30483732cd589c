#!/usr/bin/env node
import { nodeProblem } from 'gopush-create/names';

const problem = nodeProblem();
if (problem === undefined) {
  const { runCreate } = await import('gopush-create');
  await runCreate(process.argv.slice(2));
} else {
  process.stderr.write(`gopush-create: ${problem}\n`);
  process.exitCode = 2;
}
