import type { Reporter, TestCase } from 'vitest/node';

/** More tests than this that fail at first and pass when they are tried again fail the run. */
const mostUnsteady = 3;

/**
 * Names the tests that failed and passed when they were tried again, with what went wrong: each is a fault of the product or of the test that is
 * not found yet. If tests are not tried again there are none.
 */
export default class UnsteadyReporter implements Reporter {
  readonly #unsteady: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky !== true) return;
    const [error] = test.result().errors ?? [];
    this.#unsteady.push(`${test.module.relativeModuleId} > ${test.fullName}\n    ${error?.stack ?? error?.message}`);
  }

  onTestRunEnd(): void {
    if (this.#unsteady.length === 0) return;
    process.stdout.write(`\n${this.#unsteady.length} unsteady, which failed and passed when tried again:\n`);
    for (const one of this.#unsteady) process.stdout.write(`  ${one}\n`);
    if (this.#unsteady.length <= mostUnsteady) return;
    process.stdout.write(`  more than ${mostUnsteady}: the run fails\n`);
    process.exitCode = 1;
  }
}
