#!/usr/bin/env node
import { nodeProblem } from '../node-problem.ts';

const problem = nodeProblem();
if (problem === undefined) {
  const { runCreate } = await import('../run-create.ts');
  await runCreate(process.argv.slice(2));
} else {
  process.stderr.write(`gopush-create: ${problem}\n`);
  process.exitCode = 2;
}
